// SPDX-License-Identifier: Apache-2.0
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/mount_table.h"
#include "fanotify/self_test.h"

namespace lazymirror::fanotify {
namespace {

constexpr const char* kRemedy =
    "; use ext4, XFS or btrfs: lazymirror mkcache --size 100G FILE DIR makes one in a file";

Result<> check_kernel() {
  struct utsname system {};
  unsigned major = 0, minor = 0;
  if (::uname(&system) != 0) return {};  // then the self-test tells
  const char* const end = system.release + std::strlen(system.release);
  const auto dot = std::from_chars(system.release, end, major);
  if (dot.ec != std::errc{} || dot.ptr == end) return {};
  (void)std::from_chars(dot.ptr + 1, end, minor);
  if (major > 5 || (major == 5 && minor >= 15)) return {};
  return fail(Errc::unsupported, std::string("Linux ") + system.release +
                                     " cannot show a tree in place: 5.15 or newer is needed, "
                                     "6.14 for all of it; use lazymirror mount");
}

Result<> check_type(const std::string& directory) {
  struct statfs info {};
  if (::statfs(directory.c_str(), &info) != 0) {
    return fail_errno(errno, "cannot look at " + directory);
  }
  switch (static_cast<std::uint64_t>(info.f_type)) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC: return {};
    case TMPFS_MAGIC:
      return fail(Errc::unsupported,
                  directory + " is on tmpfs, which the kernel cannot watch" + kRemedy);
    case OVERLAYFS_SUPER_MAGIC:
      return fail(Errc::unsupported,
                  directory + " is on overlayfs, which the kernel cannot watch" + kRemedy);
    default:
      return fail(Errc::unsupported,
                  directory + " is on a file system that is not known to work in place" + kRemedy);
  }
}

// Not st_dev, which differs between subvolumes of btrfs.
Result<> check_not_root(const std::string& directory) {
  const auto root = mount_of("/"), own = mount_of(directory);
  if (!root || !own || root->device != own->device) return {};
  return fail(Errc::invalid,
              directory +
                  " is on the root file system, all of which would be watched; give the cache a "
                  "file system of its own (lazymirror mkcache --size 100G FILE DIR), or watch "
                  "file by file with --shared-filesystem");
}

}  // namespace

Result<> check_place(const std::string& cache_directory, bool shared_filesystem) {
  if (::geteuid() != 0) {
    return fail(Errc::denied,
                "showing a tree in place needs root; use sudo, or lazymirror mount, which does "
                "not");
  }
  if (auto r = check_kernel(); !r) return r;
  if (auto r = check_type(cache_directory); !r) return r;
  return shared_filesystem ? Result<>() : check_not_root(cache_directory);
}

}  // namespace lazymirror::fanotify
