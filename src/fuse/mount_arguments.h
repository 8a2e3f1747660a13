// SPDX-License-Identifier: Apache-2.0
//
// The -o items of a mount: checked, and turned into libfuse's arguments.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "fuse/attributes.h"

namespace lazymirror::fuse {

inline constexpr unsigned kMaxRead = 1U << 20U;  // the most the kernel asks for at once

struct MountArguments {
  Appearance appearance;
  std::vector<std::string> arguments;  // argv for libfuse, argv[0] included
};

// Errc::invalid, with a sentence, for an item that is unknown or cannot be
// had. `exec` shows files as executable, which nothing else tells of a remote
// file.
[[nodiscard]] Result<MountArguments> mount_arguments(const std::string& source,
                                                     const std::vector<std::string>& items);

}  // namespace lazymirror::fuse
