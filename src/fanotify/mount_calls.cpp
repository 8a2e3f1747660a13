// SPDX-License-Identifier: Apache-2.0
#include "fanotify/mount_calls.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

namespace lazymirror::fanotify {

Result<UniqueFd> clone_mount(int fd, unsigned flags) {
  UniqueFd clone(::open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags));
  if (!clone.valid()) return fail_errno(errno, "cannot clone a mount");
  return clone;
}

Result<> set_mount(int mount, std::uint64_t attributes, std::uint64_t propagation, unsigned flags) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  wanted.propagation = propagation;
  if (::mount_setattr(mount, "", static_cast<unsigned>(AT_EMPTY_PATH) | flags, &wanted,
                      sizeof wanted) == 0) {
    return {};
  }
  return fail_errno(errno, "cannot change a mount");
}

Result<> attach_mount(int mount, int place) {
  constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (::move_mount(mount, "", place, "", kFlags) == 0) return {};
  return fail_errno(errno, "cannot mount");
}

Result<> join_peers(int mount, int peer) {
  constexpr unsigned kFlags =
      MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (::move_mount(peer, "", mount, "", kFlags) == 0) return {};
  return fail_errno(errno, "cannot join a group of mounts");
}

}  // namespace lazymirror::fanotify
