// SPDX-License-Identifier: Apache-2.0
#include "fanotify/lingering_guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/log.h"
#include "fanotify/forked_child.h"
#include "fanotify/inherited_descriptors.h"
#include "fanotify/known_process.h"
#include "fanotify/privileges.h"
#include "fanotify/system_calls.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kLookAgain{500};

// --- the guard ---

std::optional<std::uint64_t> mount_id(int fd) {
  struct statx info {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0) return std::nullopt;
  return info.stx_mnt_id;
}

// False when nothing more was queued. The mounts are asked for anew each time:
// the number of one that is gone may be given to another.
bool answer_queued(Group& group) {
  const auto events = group.read();
  if (!events || (events->events.empty() && events->failed == 0)) return false;
  const auto shown = group.watched_mounts();
  for (const Event& event : events->events) {
    const auto id = mount_id(event.fd.get());
    const bool is_shown = !id || std::find(shown.begin(), shown.end(), *id) != shown.end();
    (void)group.answer(event.fd.get(), is_shown ? EIO : 0);
  }
  return true;
}

void guard_until_last_use(Group& group, int told_to_end) {
  std::array<pollfd, 2> waiting{pollfd{group.fd(), POLLIN, 0}, pollfd{told_to_end, POLLIN, 0}};
  while (waiting[1].revents == 0 && !group.watched_mounts().empty()) {
    (void)::poll(waiting.data(), waiting.size(), static_cast<int>(kLookAgain.count()));
    while (answer_queued(group)) {
    }
  }
}

// Nobody who reads what the daemon says shall wait for this process.
void leave_terminal() {
  ::setsid();
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), fd);
}

UniqueFd take_sigterm() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int run(Group& group, int known_by) {
  close_all_but({group.fd(), known_by});
  leave_terminal();
  const UniqueFd sigterm = take_sigterm();
  const SystemUser user = worker_user();
  if (!become_worker(user.uid, user.gid)) return 1;
  hide_memory();
  if (!refuse_system_calls_of_worker()) return 1;
  guard_until_last_use(group, sigterm.get());
  return 0;
}

}  // namespace

Result<> leave_guard(Group& group, const std::string& cache_directory) {
  if (group.watched_mounts().empty()) return {};
  // Before the fork: it is found as soon as this process has ended.
  const auto role = take_role(Role::lingering_guard, cache_directory);
  if (!role) return fail(role.error());
  auto guard = ForkedChild::start([&] { return run(group, role->get()); });
  if (!guard) return fail(guard.error());
  log::info(
      "fanotify: files of the tree are still in use; until they are closed, process {} denies "
      "what is read of them (EIO)",
      guard->pid());
  guard->let_go();
  return {};
}

void relieve_lingering_guards(const std::string& cache_directory) {
  (void)tell_to_end(Role::lingering_guard, cache_directory);
}

}  // namespace lazymirror::fanotify
