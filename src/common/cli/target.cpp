// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include "cli/real_path.h"

namespace lazymirror::cli {
namespace {

Result<std::string> real_cache(const std::string& given) {
  if (given.empty()) return given;
  auto cache = real_path(given);
  if (!cache) return fail(with_context(cache.error(), "--cache-location"));
  if (is_cache_directory(*cache)) return cache;
  return fail(Errc::invalid, "--cache-location: " + *cache + " is not a cache");
}

Result<Mounts> mounts_of_system() {
  auto lines = read_mount_table();
  if (!lines) return fail(lines.error());
  return Mounts{std::move(*lines)};
}

}  // namespace

Result<WatchedPath> find_path(const std::string& given, const std::string& cache) {
  const auto real = real_cache(cache);
  if (!real) return fail(real.error());
  const auto mounts = mounts_of_system();
  if (!mounts) return fail(mounts.error());
  const auto path = path_of_tree(given, *mounts);
  if (!path) return fail(path.error());
  return find_watched(*path, *real, *mounts);
}

Result<WatchedPath> find_target(const std::string& given) {
  const auto mounts = mounts_of_system();
  if (!mounts) return fail(mounts.error());
  const auto path = path_of_tree(given, *mounts);
  if (!path) return fail(path.error());
  if (is_cache_directory(*path)) return WatchedPath{*path, "", "", false};
  auto found = find_watched(*path, "", *mounts);
  if (found) return found;
  if (auto cache = find_cache(*path, *mounts)) return WatchedPath{*cache, "", "", false};
  return found;
}

Result<std::vector<WatchedPath>> all_targets() {
  const auto mounts = mounts_of_system();
  if (!mounts) return fail(mounts.error());
  return all_trees(*mounts);
}

}  // namespace lazymirror::cli
