// SPDX-License-Identifier: Apache-2.0
#include "cli/evict_command.h"

#include "cli/control_commands.h"
#include "cli/real_path.h"
#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/watched_tree.h"
#include "control/client.h"

namespace lazymirror::cli {
namespace {

constexpr Duration kPatience{60'000};

Result<std::string> real_cache(const std::string& given) {
  if (given.empty()) return given;
  auto cache = real_path(given);
  if (!cache || is_cache_directory(*cache)) return cache;
  return fail(Errc::invalid, *cache + " is not a cache");
}

Result<> evict(const std::string& given, const std::string& cache) {
  const auto path = real_path(given);
  if (!path) return fail(path.error());
  const auto mounts = read_mount_table();
  if (!mounts) return fail(mounts.error());
  const auto watched = find_watched(*path, cache, *mounts);
  if (!watched) return fail(watched.error());
  const auto answer =
      control::ask(control_socket(watched->cache), evict_request(watched->path), kPatience);
  if (!answer) return fail(answer.error());
  return {};
}

}  // namespace

int evict_command(const Options& options) {
  const auto cache = real_cache(options.cache_location);
  if (!cache) {
    print_error("--cache-location: " + cache.error().message);
    return kFailure;
  }
  int status = kSuccess;
  for (const std::string& path : options.paths) {
    const auto evicted = evict(path, *cache);
    if (evicted) continue;
    print_error("cannot evict " + path + ": " + evicted.error().message);
    status = kFailure;
  }
  return status;
}

}  // namespace lazymirror::cli
