// SPDX-License-Identifier: Apache-2.0
//
// Gives back the bytes of a file in a tree that is shown in place: for the
// control socket's `evict` and for the quota.
//
// Threads: safe from any thread. Local disk work. Engine and group outlive it.
#pragma once

#include <string>

#include "engine/engine.h"
#include "fanotify/group.h"

namespace lazymirror::fanotify {

class Evictor {
 public:
  // `inode_guards` as in WorkerOptions. The engine must be in place.
  Evictor(Engine& engine, Group& group, bool inode_guards)
      : engine_(engine), group_(group), inode_guards_(inode_guards) {}

  // Errc::busy at once when somebody has the file open or it is being filled;
  // nothing is changed then.
  Result<> evict(EntryId id);
  // "a/b", below the root. Errc::not_found.
  Result<> evict(const std::string& path);

 private:
  Engine& engine_;
  Group& group_;
  const bool inode_guards_;
};

}  // namespace lazymirror::fanotify
