// SPDX-License-Identifier: Apache-2.0
//
// The mount system calls (open_tree(2), move_mount(2), mount_setattr(2)) on
// descriptors, with errors as values. Safe from any thread. Need CAP_SYS_ADMIN.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::fanotify {

// A copy of the mount at an open place; `flags`: AT_RECURSIVE, with what is
// mounted below.
[[nodiscard]] Result<UniqueFd> clone_mount(int fd, unsigned flags);
// Its attributes (MOUNT_ATTR_...; 0: as they are) and its propagation (MS_...).
[[nodiscard]] Result<> set_mount(int mount, std::uint64_t attributes, std::uint64_t propagation,
                                 unsigned flags = 0);
// On top of what is mounted at `place`, an open directory.
[[nodiscard]] Result<> attach_mount(int mount, int place);
// Makes `mount`, which is private, a peer of `peer`.
[[nodiscard]] Result<> join_peers(int mount, int peer);

}  // namespace lazymirror::fanotify
