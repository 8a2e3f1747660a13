// SPDX-License-Identifier: Apache-2.0
//
// pidfd_open(2) and pidfd_send_signal(2): the header of glibc 2.36 declares
// them for C only. Private to this room.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace lazymirror::fanotify {

[[nodiscard]] inline UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

inline void signal_pidfd(const UniqueFd& pidfd, int number) {
  (void)::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
}

}  // namespace lazymirror::fanotify
