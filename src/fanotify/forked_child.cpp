// SPDX-License-Identifier: Apache-2.0
#include "fanotify/forked_child.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "fanotify/pidfd.h"

namespace lazymirror::fanotify {
namespace {

constexpr int kThrew = 70;  // EX_SOFTWARE of sysexits.h

int run(const std::function<int()>& body) {
  try {
    return body();
  } catch (...) {
    return kThrew;
  }
}

std::string sentence(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "ended with status " + std::to_string(info.si_status);
  return "was killed by signal " + std::to_string(info.si_status);
}

}  // namespace

Result<ForkedChild> ForkedChild::start(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, "cannot start a process");
  if (pid == 0) ::_exit(run(body));
  UniqueFd pidfd = open_pidfd(pid);
  ForkedChild child(pid, std::move(pidfd));
  if (child.pidfd_.valid()) return child;
  return fail_errno(errno, "cannot watch over a process");
}

ForkedChild::ForkedChild(ForkedChild&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ForkedChild& ForkedChild::operator=(ForkedChild&& other) noexcept {
  if (this == &other) return *this;
  end();
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
  return *this;
}

ForkedChild::~ForkedChild() { end(); }

void ForkedChild::end() {
  if (pid_ < 0) return;
  signal(SIGKILL);
  (void)reap();
}

void ForkedChild::signal(int number) {
  if (pid_ > 0) ::kill(pid_, number);  // not reaped, so the number is still its own
}

bool ForkedChild::wait(Duration limit) const {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(limit.count())) == 1;
}

std::string ForkedChild::reap() {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
  pid_ = -1;
  return sentence(info);
}

}  // namespace lazymirror::fanotify
