// SPDX-License-Identifier: Apache-2.0
//
// The program under the name mount.lazymirror, as mount(8) calls its helpers:
//   mount.lazymirror SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]
// The words become those of `lazymirror mount`; what is left is how to mount.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lazymirror {

struct MountHelperCall {
  std::vector<std::string> arguments;  // for parse_command_line()
  bool sloppy = false;                 // -s: unknown mount options are passed over
  bool fake = false;                   // -f: everything but the mount
  bool verbose = false;                // -v
};

// Whether a program that was started by this name is the helper.
[[nodiscard]] bool is_mount_helper(std::string_view program);

// Errc::invalid: not the words of mount(8).
[[nodiscard]] Result<MountHelperCall> parse_mount_helper(const std::vector<std::string>& arguments);

}  // namespace lazymirror
