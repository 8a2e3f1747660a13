// SPDX-License-Identifier: Apache-2.0
//
// Which cache a path of a shown tree belongs to, be it watched or mounted, found
// from outside: by the mount table, the CACHEDIR.TAG of a cache and the registry
// of mounts. No system call here goes into a shown tree, which could be hanging.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/mount_table.h"
#include "base/result.h"
#include "cli/mount_registry.h"

namespace lazymirror::cli {

struct WatchedPath {
  std::string cache;  // the cache directory
  std::string path;   // "a/b", below the root of the tree; empty: the tree itself
  std::string shown;  // where the tree is, as the path has it
  bool is_mount = false;
};

// The mounts of this system, and what is known of them.
struct Mounts {
  std::vector<MountLine> lines;
  std::function<std::string(const MountLine&)> registered = registered_cache;
};

// Whether it looks like one, used or not.
[[nodiscard]] bool is_cache_directory(const std::string& path);

// `path` absolute and, down to the root of the tree that it leads into, without
// links; below there are none. Errc::not_found for what is outside a tree and
// not there.
[[nodiscard]] Result<std::string> path_of_tree(const std::string& path, const Mounts& mounts);

// `path`: as path_of_tree() gives it. `cache`: the one it must be of, or empty.
// Errc::not_found says what to do.
[[nodiscard]] Result<WatchedPath> find_watched(const std::string& path, const std::string& cache,
                                               const Mounts& mounts);

// `tree`: a cache directory, its data directory, where that is shown, or a mount.
[[nodiscard]] Result<std::string> find_cache(const std::string& tree, const Mounts& mounts);

// Each tree that is shown, once, by the first place where it is.
[[nodiscard]] std::vector<WatchedPath> all_trees(const Mounts& mounts);

}  // namespace lazymirror::cli
