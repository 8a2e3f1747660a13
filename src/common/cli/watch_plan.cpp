// SPDX-License-Identifier: Apache-2.0
#include "cli/watch_plan.h"

#include <string>
#include <utility>

namespace lazymirror::cli {
namespace {

fanotify::EventChoice event_choice(const std::string& text) {
  if (text == "pre-access") return fanotify::EventChoice::pre_access;
  return text == "access-perm" ? fanotify::EventChoice::access_perm
                               : fanotify::EventChoice::automatic;
}

// An HTTP server does not tell which files are programs.
mode_t file_mode(const std::vector<std::string>& mount_options) {
  mode_t mode = 0444;
  for (const std::string& item : mount_options) {
    if (item == "exec") mode = 0555;
    if (item == "noexec") mode = 0444;
  }
  return mode;
}

}  // namespace

Result<WatchPlan> plan_watch(const Options& options, const Surroundings& user) {
  auto tree = plan_tree(Command::watch, options, user);
  if (!tree) return fail(tree.error());
  WatchPlan plan{std::move(*tree), {}};
  plan.cache.in_place = true;
  plan.cache.file_mode = file_mode(options.mount_options);
  plan.watch.cache_directory = plan.cache.directory;
  plan.watch.shown_at = options.shown_at;
  plan.watch.source = plan.cache.url;
  plan.watch.events = event_choice(options.events);
  plan.watch.fill_on_open = options.fill_on == "open";
  plan.watch.fill_on_open_limit = options.fill_on_open_limit;
  plan.watch.shared_filesystem = options.shared_filesystem;
  plan.watch.max_traps = options.max_traps;
  plan.watch.timeout = options.timeout;
  return plan;
}

Error explain(const Error& error, const WatchPlan& plan) {
  return with_context(error, "cannot show " + plan.cache.url + " in " + plan.cache.directory);
}

}  // namespace lazymirror::cli
