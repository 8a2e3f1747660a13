// SPDX-License-Identifier: Apache-2.0
//
// Files that hold an XFS file system with reflinks, and are known as ours by
// its label.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace lazymirror::cli {

enum class ImageKind { absent, ours, other };
[[nodiscard]] Result<ImageKind> look_at_image(const std::string& file);

// Makes `file`, sparse, of `size` bytes; nothing is left of it after an error.
// Errc::busy: it is there. mkfs.xfs(8) is looked for in `directories`.
Result<> make_xfs_image(const std::string& file, std::uint64_t size,
                        const std::vector<std::string>& directories);

}  // namespace lazymirror::cli
