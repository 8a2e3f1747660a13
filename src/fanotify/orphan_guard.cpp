// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>

#include "base/file_limit.h"
#include "base/log.h"
#include "fanotify/stamped.h"
#include "fanotify/worker.h"

namespace lazymirror::fanotify {
namespace {

// A signal of before, which was meant for somebody who served, is forgotten.
UniqueFd take_sigterm() {
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGTERM, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

bool deny_queued(Group& group) {
  const auto events = group.read();
  if (!events) return false;
  for (const Event& event : events->events) {
    const int number = event.fd.get();
    // A file without the stamp that placeholders carry is none: those who clear
    // up here have to read and write such files.
    (void)group.answer(number, is_stamped(number) == Stamped::no ? 0 : EIO);
  }
  return !events->events.empty() || events->failed > 0;
}

void guard_orphans(Group& group) {
  const UniqueFd sigterm = take_sigterm();
  // Before the first read: numbers of ours could be those of the keeper, which
  // lived under the same limit.
  group.deny_numbers_below(static_cast<int>(file_limit()), EIO);
  log::error(
      "fanotify: the keeper was killed; what is not cached reads as an error (EIO) until "
      "watching begins anew or is ended by `lazymirror stop`");
  std::array<pollfd, 2> waiting{pollfd{group.fd(), POLLIN, 0}, pollfd{sigterm.get(), POLLIN, 0}};
  while (waiting[1].revents == 0) {
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) break;
    while (deny_queued(group)) {
    }
  }
  while (deny_queued(group)) {
  }
}

}  // namespace lazymirror::fanotify
