// SPDX-License-Identifier: Apache-2.0
//
// The worker's own way to the cache: a private clone of the mount that the
// cache is on (open_tree(2)), carrying a mark that makes the group ignore all
// that is done through it, and mounted at the cache's usual path in a mount
// namespace that only workers live in. So the worker uses plain paths, never
// triggers itself, and has no part in the view. Directories on the way to the
// cache that the worker may not search are covered there by empty ones.
//
// The clone is idmapped (mount_setattr(2)) where the file system can: files of
// the cache's owner look like the worker's, so that an unprivileged worker
// without any capability can fill and place them; what it makes belongs to the
// cache's owner.
// Not synchronised. Needs CAP_SYS_ADMIN.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/group.h"

namespace lazymirror::fanotify {

class WorkMount {
 public:
  struct User {
    uid_t uid;
    gid_t gid;
  };
  // `directory`: the cache, an absolute path without links. REQUIRES: the
  // calling process has one thread (setns(2)).
  [[nodiscard]] static Result<WorkMount> create(const std::string& directory, Group& group,
                                                User worker);
  // That of another keeper.
  WorkMount(UniqueFd space, UniqueFd directory, bool idmapped)
      : namespace_(std::move(space)), directory_(std::move(directory)), idmapped_(idmapped) {}
  // Moves the calling process into the namespace. For a forked child.
  Result<> enter() const;
  [[nodiscard]] bool is_idmapped() const { return idmapped_; }
  [[nodiscard]] int fd() const { return namespace_.get(); }
  [[nodiscard]] int directory() const { return directory_.get(); }  // the cache, through the mount

 private:
  UniqueFd namespace_;
  UniqueFd directory_;
  bool idmapped_ = false;
};

}  // namespace lazymirror::fanotify
