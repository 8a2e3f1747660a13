// SPDX-License-Identifier: Apache-2.0
#include "fanotify/invisible_io.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace lazymirror::fanotify {
namespace {

// struct xfs_fsop_handlereq of xfs/xfs_fs.h, which is not always installed.
struct HandleRequest {
  std::uint32_t fd = 0;
  const void* path = nullptr;
  std::uint32_t open_flags = 0;
  const void* handle = nullptr;
  std::uint32_t handle_bytes = 0;
  void* found = nullptr;
  std::uint32_t* found_bytes = nullptr;
};
constexpr unsigned long kHandleOf = _IOWR('X', 106, HandleRequest);
constexpr unsigned long kOpenByHandle = _IOWR('X', 107, HandleRequest);
constexpr std::size_t kMaxHandle = 64;  // 24 so far

// The requests of another file system could mean anything.
Result<> check_xfs(int directory) {
  struct statfs info {};
  if (::fstatfs(directory, &info) != 0) return fail_errno(errno, "cannot look at a file system");
  if (static_cast<std::uint64_t>(info.f_type) == XFS_SUPER_MAGIC) return {};
  return fail(Errc::unsupported, "only XFS can fill files without moving their times");
}

}  // namespace

bool has_invisible_io(int directory) { return check_xfs(directory).has_value(); }

Result<UniqueFd> open_invisibly(int directory, int file) {
  if (auto r = check_xfs(directory); !r) return fail(r.error());
  struct stat info {};
  if (::fstat(file, &info) != 0) return fail_errno(errno, "cannot stat a file");
  if (!S_ISREG(info.st_mode)) return fail(Errc::invalid, "not a regular file");
  alignas(8) std::array<char, kMaxHandle> handle{};
  std::uint32_t bytes = kMaxHandle;
  HandleRequest ask;
  ask.fd = static_cast<std::uint32_t>(file);
  ask.found = handle.data();
  ask.found_bytes = &bytes;
  if (::ioctl(directory, kHandleOf, &ask) != 0) return fail_errno(errno, "no handle of a file");
  HandleRequest open;
  open.open_flags = O_RDWR | O_LARGEFILE;
  open.handle = handle.data();
  open.handle_bytes = bytes;
  UniqueFd fd(::ioctl(directory, kOpenByHandle, &open));
  if (!fd.valid()) return fail_errno(errno, "cannot open a file by its handle");
  if (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) return fail_errno(errno, "cannot set up a file");
  return fd;
}

}  // namespace lazymirror::fanotify
