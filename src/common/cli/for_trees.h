// SPDX-License-Identifier: Apache-2.0
//
// Commands about one running tree, or about all that the user may ask.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "cli/watched_tree.h"

namespace lazymirror::cli {

// Calls `act` for the tree that `given` names; when that is empty for all,
// passing over those of other users. Complains as "cannot VERB PLACE: ...".
// The exit status: kSuccess, kFailure, or kNotRunning where there is none.
[[nodiscard]] int for_trees(
    const std::string& given, const std::string& verb,
    const std::function<Result<>(const WatchedPath& tree, const std::string& place)>& act);

}  // namespace lazymirror::cli
