// SPDX-License-Identifier: Apache-2.0
#include "base/file_lock.h"

#include <sched.h>
#include <sys/file.h>

#include <cerrno>

namespace lazymirror {
namespace {

// A look is two system calls long.
constexpr int kMostLooks = 10'000;

}  // namespace

Result<> claim_file(int fd) {
  for (int looks = 0; looks < kMostLooks; ++looks) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK) return fail_errno(errno, "cannot lock a file");
    auto claimed = is_claimed(fd);
    if (!claimed) return fail(claimed.error());
    if (*claimed) break;
    ::sched_yield();
  }
  return fail(Errc::busy, "the lock is held by another process");
}

Result<bool> is_claimed(int fd) {
  if (::flock(fd, LOCK_SH | LOCK_NB) == 0) {
    ::flock(fd, LOCK_UN);
    return false;
  }
  if (errno == EWOULDBLOCK) return true;
  return fail_errno(errno, "cannot look at a lock");
}

}  // namespace lazymirror
