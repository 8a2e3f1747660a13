// SPDX-License-Identifier: Apache-2.0
//
// The place of a mount: is it free, is a dead mount of ours on it, which device
// is mounted there, and taking the mount away. Never touches a mounted tree:
// what it needs is read from /proc/self/mountinfo (proc(5)).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/mount_table.h"
#include "base/result.h"

namespace lazymirror::fuse {

// The topmost mount at exactly `path` (absolute, resolved).
[[nodiscard]] std::optional<MountLine> find_mount(std::string_view mountinfo,
                                                  const std::string& path);
[[nodiscard]] std::optional<MountLine> mount_at(const std::string& path);

// The resolved path of an empty place to mount on. A dead mount of our own is
// taken away first. Errors: see Mount::create.
[[nodiscard]] Result<std::string> prepare_mountpoint(const std::string& path);

enum class Unmounted { gone, detached };  // detached: out of sight, but still in use by someone

// Takes the mount of `device` away from `path`; nothing to do (gone) when
// another or none is there by now.
[[nodiscard]] Result<Unmounted> unmount(const std::string& path, const std::string& device);

// How far the kernel reads ahead in this mount, where we may set it (root).
void raise_read_ahead(const std::string& device, unsigned kib);

}  // namespace lazymirror::fuse
