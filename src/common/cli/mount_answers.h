// SPDX-License-Identifier: Apache-2.0
//
// A look at a mount from outside.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace lazymirror::cli {

// Whether the mount at `mountpoint` is FUSE and answers within `limit`. Asked
// from a process of its own: a system call on a mount that hangs can be ended
// by nothing but SIGKILL. Never call it in the process that serves the mount.
[[nodiscard]] Result<> mount_answers(const std::string& mountpoint, Duration limit);

}  // namespace lazymirror::cli
