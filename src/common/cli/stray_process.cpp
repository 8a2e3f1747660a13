// SPDX-License-Identifier: Apache-2.0
#include "cli/stray_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "cli/background.h"
#include "fanotify/inherited_descriptors.h"

namespace lazymirror::cli {
namespace {

[[noreturn]] void be_a_stray(int socket, const std::function<void()>& body) {
  ::setsid();
  leave_standard_streams();
  fanotify::close_all_but({socket});
  sigset_t kept_away;
  ::sigfillset(&kept_away);
  ::sigdelset(&kept_away, SIGALRM);
  ::pthread_sigmask(SIG_SETMASK, &kept_away, nullptr);
  body();
  ::_exit(0);
}

}  // namespace

Result<> start_stray_process(int socket, const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "cannot start a process");
  if (child == 0) {
    const pid_t stray = ::fork();
    if (stray == 0) be_a_stray(socket, body);
    ::_exit(stray < 0 ? 1 : 0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return fail(Errc::io, "cannot start a process");
  return {};
}

}  // namespace lazymirror::cli
