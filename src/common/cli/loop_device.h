// SPDX-License-Identifier: Apache-2.0
//
// Files as block devices (loop(4)). Needs CAP_SYS_ADMIN.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::cli {

// Goes with its last user: with this object, or with the mount of it.
struct LoopDevice {
  UniqueFd fd;
  std::string path;  // "/dev/loop3"
};

[[nodiscard]] Result<LoopDevice> attach_loop_device(const std::string& file);

// The device that `file` (absolute, without links) is attached to, or "".
[[nodiscard]] std::string loop_device_of(const std::string& file);

}  // namespace lazymirror::cli
