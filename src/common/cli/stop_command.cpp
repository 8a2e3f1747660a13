// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_command.h"

#include "cli/log_setup.h"
#include "cli/real_path.h"
#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/watched_tree.h"
#include "fanotify/watch.h"

namespace lazymirror::cli {
namespace {

constexpr Duration kPatience{30'000};

Result<> stop(const std::string& given, const Surroundings& user) {
  if (!user.root) return fail(Errc::denied, "it needs root: run it with sudo");
  const auto tree = real_path(given);
  if (!tree) return fail(tree.error());
  const auto mounts = read_mount_table();
  if (!mounts) return fail(mounts.error());
  const auto cache = find_cache(*tree, *mounts);
  if (!cache) return fail(cache.error());
  return fanotify::stop(*cache, kPatience);
}

}  // namespace

int stop_command(const Options& options, const Surroundings& user) {
  log_to_stderr("warning");
  const auto stopped = stop(options.tree, user);
  if (stopped) return kSuccess;
  print_error("cannot stop the watch of " + options.tree + ": " + stopped.error().message);
  return kFailure;
}

}  // namespace lazymirror::cli
