// SPDX-License-Identifier: Apache-2.0
//
// The mounts of this process's namespace, from /proc/self/mountinfo
// (proc_pid_mountinfo(5)). Parsing is pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lazymirror {

struct MountLine {
  std::string device;  // "0:52", major and minor
  std::string root;    // which directory of the file system is mounted
  std::string path;    // where
  std::string type;    // "fuse.lazymirror"
  std::string source;
  std::uint64_t id = 0, parent = 0;
  std::uint64_t peer_group = 0;  // 0: shared with nobody
  std::string options = {};      // of the file system: "rw,user_id=1000"
};

// In the order of the kernel: of two at one place the later one is on top.
// What is no line of mountinfo is left out.
[[nodiscard]] std::vector<MountLine> parse_mount_table(std::string_view mountinfo);
[[nodiscard]] Result<std::vector<MountLine>> read_mount_table();

// The mount that `path` is on. Errc::not_found when it is not in the table, as
// below a chroot.
[[nodiscard]] Result<MountLine> mount_of(const std::string& path);

// `path` itself or something below it.
[[nodiscard]] bool is_at_or_below(std::string_view place, std::string_view path);

}  // namespace lazymirror
