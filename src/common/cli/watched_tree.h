// SPDX-License-Identifier: Apache-2.0
//
// Which cache a path of a watched tree belongs to, found from outside: by the
// mounts and the CACHEDIR.TAG of the cache, without asking anybody.
#pragma once

#include <string>
#include <vector>

#include "base/mount_table.h"
#include "base/result.h"

namespace lazymirror::cli {

struct WatchedPath {
  std::string cache;  // the cache directory
  std::string path;   // "a/b", below its data; empty: the tree itself
};

// Whether it looks like one, used or not.
[[nodiscard]] bool is_cache_directory(const std::string& path);

// `path`: absolute, without links. `cache`: the one it must be of, or empty.
// Errc::not_found says what to do.
[[nodiscard]] Result<WatchedPath> find_watched(const std::string& path, const std::string& cache,
                                               const std::vector<MountLine>& mounts);

// `tree`: a cache directory, its data directory, or where that is shown.
[[nodiscard]] Result<std::string> find_cache(const std::string& tree,
                                             const std::vector<MountLine>& mounts);

}  // namespace lazymirror::cli
