// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "cli/log_setup.h"
#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/watched_tree.h"
#include "fanotify/watch.h"
#include "fuse/mountpoint.h"

namespace lazymirror::cli {
namespace {

constexpr Duration kPatience{30'000};

// The cache of a user's own mount; what is watched is root's.
bool is_own(const std::string& cache) {
  struct stat lock {};
  return ::stat((cache + "/lock").c_str(), &lock) == 0 && lock.st_uid == ::geteuid();
}

bool is_dead(const Error& error) { return error.code == Errc::not_found; }

// What a killed daemon has left in sight.
Result<> take_away(const MountLine& mount) {
  const auto gone = fuse::unmount(mount.path, mount.device);
  return gone ? Result<>() : fail(gone.error());
}

Result<> stop_mount(const MountLine& mount, const Mounts& mounts) {
  const auto cache = find_cache(mount.path, mounts);
  if (!cache) return is_dead(cache.error()) ? take_away(mount) : fail(cache.error());
  const auto stopped = fanotify::stop(*cache, kPatience);
  return !stopped && is_dead(stopped.error()) ? take_away(mount) : stopped;
}

Result<> stop(const std::string& given, const Surroundings& user) {
  auto lines = read_mount_table();
  if (!lines) return fail(lines.error());
  const Mounts mounts{std::move(*lines)};
  const auto tree = path_of_tree(given, mounts);
  if (!tree) return fail(tree.error());
  const auto mount =
      std::ranges::find(mounts.lines.rbegin(), mounts.lines.rend(), *tree, &MountLine::path);
  if (mount != mounts.lines.rend() && is_our_mount(*mount)) return stop_mount(*mount, mounts);
  const auto cache = find_cache(*tree, mounts);
  if (!cache) return fail(cache.error());
  if (!user.root && !is_own(*cache)) return fail(Errc::denied, "it needs root: run it with sudo");
  return fanotify::stop(*cache, kPatience);
}

}  // namespace

int stop_command(const Options& options, const Surroundings& user) {
  log_to_stderr("warning");
  const auto stopped = stop(options.tree, user);
  if (stopped) return kSuccess;
  print_error("cannot stop " + options.tree + ": " + stopped.error().message);
  return kFailure;
}

}  // namespace lazymirror::cli
