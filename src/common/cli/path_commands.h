// SPDX-License-Identifier: Apache-2.0
//
// The commands about names in a running tree: `ls`, `info`, `evict`,
// `unpin`.
// Each goes through all its paths and fails if any of them did.
#pragma once

#include "config/command.h"
#include "config/options.h"

namespace lazymirror::cli {

// The exit status.
[[nodiscard]] int path_command(Command command, const Options& options);

}  // namespace lazymirror::cli
