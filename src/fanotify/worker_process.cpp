// SPDX-License-Identifier: Apache-2.0
#include "fanotify/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/log.h"
#include "fanotify/claims.h"
#include "fanotify/inherited_descriptors.h"
#include "fanotify/privileges.h"
#include "fanotify/system_calls.h"

namespace lazymirror::fanotify {
namespace {

// A long wait at the kernel's hands is the worker's fate, not the keeper's.
void be_first_to_go() {
  const UniqueFd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score.valid()) (void)!::write(score.get(), "0", 1);
}

// The worker's surroundings; afterwards nothing can be had back.
Result<UniqueFd> settle_in(const WorkerPlace& place, const Channel& channel,
                           const std::vector<int>& own, const TrapHandles& traps) {
  std::vector<int> kept = place.kept;
  for (const auto& [device, control] : traps.controls) kept.push_back(control);
  kept.insert(kept.end(), own.begin(), own.end());
  kept.insert(kept.end(), {traps.pipe, channel.fd(), place.group->fd(), place.mount->fd()});
  close_all_but(kept);
  be_first_to_go();
  if (auto r = place.mount->enter(); !r) return fail(r.error());
  kept.pop_back();  // the namespace
  close_all_but(std::move(kept));
  if (auto r = become_worker(place.uid, place.gid); !r) return fail(r.error());
  // If the keeper is killed while this process is stopped, it must go on: it is
  // the guard then. After the change of the user, which undoes it.
  ::prctl(PR_SET_PDEATHSIG, SIGCONT);
  hide_memory();
  if (auto r = refuse_system_calls_of_worker(); !r) return fail(r.error());
  return claim_guard(place.cache_directory);
}

bool say_stopped(Channel& channel) {
  ToKeeper message;
  message.kind = ToKeeper::Kind::stopped;
  return channel.send(message).has_value();
}

// What the keeper makes for each worker anew.
struct OwnThings {
  UniqueFd files;
  std::optional<Group> holds;
};

// The keeper has no use for it: its copy goes at once.
std::optional<Group> group_for_opens(const WorkerPlace& place) {
  if (place.asks_opens) return std::nullopt;
  auto group = OpenHolds::make_group(place.mount->directory());
  if (group) return std::move(*group);
  log::warn("fanotify: {}; opens may fail while a file is evicted", group.error().message);
  return std::nullopt;
}

std::shared_ptr<OpenHolds> start_holds(std::optional<Group> group) {
  if (!group) return nullptr;
  auto holds = OpenHolds::start(std::move(*group));
  if (holds) return std::move(*holds);
  log::warn("fanotify: {}; opens may fail while a file is evicted", holds.error().message);
  return nullptr;
}

int run_worker(const WorkerPlace& place, const WorkerBody& body, Channel& channel, OwnThings own,
               bool first, const TrapHandles& traps) {
  const int holds = own.holds ? own.holds->fd() : -1;
  const auto guard = settle_in(place, channel, {own.files.get(), holds}, traps);
  if (!guard) {
    (void)channel.send(failure_message(guard.error()));
    return 1;
  }
  TrapEnds trap_ends(traps);
  const auto end =
      body({channel, *place.group, trap_ends, std::make_shared<QuietOpener>(std::move(own.files)),
            start_holds(std::move(own.holds)), first});
  const bool heard = end ? *end == WorkerEnd::stopped && say_stopped(channel)
                         : channel.send(failure_message(end.error())).has_value();
  if (!heard) {
    trap_ends.end_walks(*place.group);
    guard_orphans(*place.group);
  }
  return end ? 0 : 1;
}

}  // namespace

Result<WorkerProcess> WorkerProcess::start(const WorkerPlace& place, const WorkerBody& body,
                                           bool first, const TrapHandles& traps) {
  auto ends = Channel::make_pair();
  if (!ends) return fail(ends.error());
  auto files = make_quiet_pair();
  if (!files) return fail(files.error());
  OwnThings own{std::move(files->second), group_for_opens(place)};
  auto child = ForkedChild::start(
      [&] { return run_worker(place, body, ends->second, std::move(own), first, traps); });
  if (!child) return fail(child.error());
  return WorkerProcess(std::move(ends->first),
                       QuietServer(std::move(files->first), place.mount->directory()),
                       std::move(*child));
}

void WorkerProcess::kill() { child_.signal(SIGKILL); }

}  // namespace lazymirror::fanotify
