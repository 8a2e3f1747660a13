// SPDX-License-Identifier: Apache-2.0
//
// A tree at a directory, shown by a daemon in another process.
#pragma once

#include "contract/tree.h"
#include "support/loop_fs.h"

namespace lazymirror::testing {

// Mounts with the daemon under test, `io` as for --io. At the end the daemon
// is asked to stop and must do so cleanly, or the test fails.
[[nodiscard]] std::unique_ptr<Tree> start_mounted_tree(const TreeSettings& settings,
                                                       const std::string& io);

// Watches in place with the daemon under test, its cache on a file system of
// that kind made for it. `further`: options.
[[nodiscard]] std::unique_ptr<Tree> start_watched_tree(const TreeSettings& settings,
                                                       SmallFs::Kind kind,
                                                       std::vector<std::string> further = {});

}  // namespace lazymirror::testing
