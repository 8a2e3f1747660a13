// SPDX-License-Identifier: Apache-2.0
#include "fuse/strategy.h"

#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <sstream>

#include "base/file_io.h"
#include "fuse/libfuse.h"

namespace lazymirror::fuse {
namespace {

bool has_sys_admin() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

// The initial namespace maps all of 2^32 - 1 ids to themselves.
bool in_initial_user_namespace() {
  const auto map = read_file("/proc/self/uid_map");
  if (!map) return true;  // no /proc: believe the capability
  std::istringstream words(*map);
  std::uint64_t inside = 0, outside = 0, count = 0;
  words >> inside >> outside >> count;
  return inside == 0 && outside == 0 && count == 0xFFFFFFFFU;
}

}  // namespace

Possibility passthrough_before_mount() {
  if (!kBuiltWithPassthrough) {
    return {false, std::string("built with libfuse ") + fuse_pkgversion() +
                       "; passthrough needs 3.17 or newer"};
  }
  if (!has_sys_admin()) return {false, "passthrough needs root (CAP_SYS_ADMIN)"};
  if (!in_initial_user_namespace()) {
    return {false, "passthrough cannot be had inside a user namespace"};
  }
  return {true, std::string("CAP_SYS_ADMIN held, libfuse ") + fuse_pkgversion()};
}

std::uint32_t backing_depth(const std::string& cache_directory) {
  struct statfs fs {};
  if (cache_directory.empty() || ::statfs(cache_directory.c_str(), &fs) != 0) return 0;
  return fs.f_type == OVERLAYFS_SUPER_MAGIC ? 1 : 0;
}

}  // namespace lazymirror::fuse
