// SPDX-License-Identifier: Apache-2.0
#include "cli/watched_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

namespace lazymirror::cli {
namespace {

constexpr std::string_view kData = "/data";

bool exists(const std::string& path, mode_t type) {
  struct stat attributes {};
  return ::lstat(path.c_str(), &attributes) == 0 && (attributes.st_mode & S_IFMT) == type;
}

// The part of `path` below `place`, or nothing if it is not below.
std::optional<std::string> part_below(const std::string& path, const std::string& place) {
  if (path == place) return std::string();
  const std::string prefix = place.ends_with('/') ? place : place + "/";
  if (!path.starts_with(prefix)) return std::nullopt;
  return path.substr(prefix.size());
}

bool shows_the_same(const std::string& a, const std::string& b) {
  struct stat one {};
  struct stat other {};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 &&
         one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// CACHE, if `place` is CACHE/data.
std::string cache_around(const std::string& place) {
  if (!place.ends_with(kData)) return {};
  const std::string cache = place.substr(0, place.size() - kData.size());
  return is_cache_directory(cache) ? cache : std::string();
}

// The cache whose data is mounted at this line's place, also when that is
// another than the cache's own.
std::string cache_of(const MountLine& line, const std::vector<MountLine>& mounts) {
  for (const MountLine& other : mounts) {
    if (other.device != line.device || other.root != line.root) continue;
    if (auto cache = cache_around(other.path); !cache.empty()) return cache;
  }
  return {};
}

Failure not_watched(const std::string& path) {
  for (std::string above = path; above.size() > 1; above.resize(above.rfind('/'))) {
    if (!is_cache_directory(above)) continue;
    return fail(Errc::not_found, "nothing watches the cache " + above +
                                     ": start it with lazymirror watch URL " + above);
  }
  return fail(Errc::not_found, path +
                                   " is not below a watched tree: lazymirror watch shows one at "
                                   "CACHE/data; --cache-location names the cache");
}

}  // namespace

bool is_cache_directory(const std::string& path) {
  return exists(path + "/CACHEDIR.TAG", S_IFREG) && exists(path + "/lock", S_IFREG) &&
         exists(path + "/meta", S_IFDIR);
}

Result<WatchedPath> find_watched(const std::string& path, const std::string& cache,
                                 const std::vector<MountLine>& mounts) {
  std::vector<const MountLine*> above;
  for (const MountLine& line : mounts) {
    if (part_below(path, line.path)) above.push_back(&line);
  }
  // Traps and their leftovers are mounts within the tree: the search goes up.
  std::ranges::stable_sort(above, std::greater<>(),
                           [](const MountLine* line) { return line->path.size(); });
  for (const MountLine* line : above) {
    std::string found = cache;
    if (cache.empty()) {
      found = cache_of(*line, mounts);
    } else if (!shows_the_same(line->path, cache + std::string(kData))) {
      found.clear();
    }
    if (!found.empty()) return WatchedPath{found, *part_below(path, line->path)};
  }
  return not_watched(path);
}

Result<std::string> find_cache(const std::string& tree, const std::vector<MountLine>& mounts) {
  if (is_cache_directory(tree)) return tree;
  const auto line = std::ranges::find(mounts.rbegin(), mounts.rend(), tree, &MountLine::path);
  if (line != mounts.rend() && line->type == "fuse.lazymirror") {
    return fail(Errc::invalid, tree + " is a mount: end it with umount " + tree);
  }
  if (auto cache = cache_around(tree); !cache.empty()) return cache;
  const auto found = find_watched(tree, "", mounts);
  if (!found) {
    return fail(Errc::not_found, tree + " is neither a cache nor a directory where one is shown");
  }
  if (found->path.empty()) return found->cache;
  return fail(Errc::invalid,
              tree + " is a part of a watched tree: give its cache, " + found->cache);
}

}  // namespace lazymirror::cli
