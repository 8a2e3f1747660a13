// SPDX-License-Identifier: Apache-2.0
//
// A write lease (fcntl(2)): held, it proves that nobody else has the file open
// or mapped, and lets who opens it wait, for at most the system's lease break
// time (45 s). Not synchronised.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "base/result.h"

namespace lazymirror {

class WriteLease {
 public:
  // Errc::busy: somebody has it open. REQUIRES: `fd` outlives this.
  static Result<WriteLease> take(int fd) {
    // Who opens it makes the kernel tell us: by a signal that is ignored, not
    // by SIGIO, which ends a process.
    if (::fcntl(fd, F_SETSIG, SIGURG) != 0) return fail_errno(errno, "cannot prepare a lease");
    if (::fcntl(fd, F_SETLEASE, F_WRLCK) == 0) return WriteLease(fd);
    if (errno == EAGAIN) return fail(Errc::busy, "somebody has the file open");
    return fail_errno(errno, "cannot take a lease on a data file");
  }
  WriteLease(WriteLease&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  WriteLease& operator=(WriteLease&&) = delete;
  ~WriteLease() {
    if (fd_ >= 0) ::fcntl(fd_, F_SETLEASE, F_UNLCK);
  }

 private:
  explicit WriteLease(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace lazymirror
