// SPDX-License-Identifier: Apache-2.0
#include "cli/mount_answers.h"

#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/unique_fd.h"
#include "base/units.h"

namespace lazymirror::cli {
namespace {

constexpr int kNotFuse = 255;  // no errno

// 0, an errno or kNotFuse.
int look_at(const char* mountpoint) {
  struct stat attributes {};
  struct statfs system {};
  if (::stat(mountpoint, &attributes) != 0 || ::statfs(mountpoint, &system) != 0) return errno;
  return system.f_type == FUSE_SUPER_MAGIC ? 0 : kNotFuse;
}

}  // namespace

Result<> mount_answers(const std::string& mountpoint, Duration limit) {
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "cannot look at " + mountpoint);
  if (child == 0) ::_exit(look_at(mountpoint.c_str()));
  // By number: the glibc 2.36 header declares pidfd_open(2) for C only.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd ended{process.get(), POLLIN, 0};
  const bool in_time = ::poll(&ended, 1, static_cast<int>(limit.count())) > 0;
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!in_time || !WIFEXITED(status)) {
    return fail(Errc::timeout,
                "the mount at " + mountpoint + " does not answer within " + format_duration(limit));
  }
  if (WEXITSTATUS(status) == kNotFuse) {
    return fail(Errc::io, mountpoint + " is not mounted any more");
  }
  if (WEXITSTATUS(status) == 0) return {};
  return fail_errno(WEXITSTATUS(status), "the mount at " + mountpoint + " does not answer");
}

}  // namespace lazymirror::cli
