// SPDX-License-Identifier: Apache-2.0
//
// What a user names -> the running tree that it means. Reads the mount table;
// goes into no shown tree.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/watched_tree.h"

namespace lazymirror::cli {

// `given`: absolute, as typed. A path below a shown tree; `cache`, if it is not
// empty, names the cache that the tree must be of.
[[nodiscard]] Result<WatchedPath> find_path(const std::string& given, const std::string& cache);

// The same, or a cache directory, whoever uses it.
[[nodiscard]] Result<WatchedPath> find_target(const std::string& given);

// All that are shown here, whoever may ask them.
[[nodiscard]] Result<std::vector<WatchedPath>> all_targets();

}  // namespace lazymirror::cli
