// SPDX-License-Identifier: Apache-2.0
//
// The worker's side: turns what the keeper forwards into calls of the engine,
// and its completions into answers.
//
// Threads: serve() receives messages on the calling thread and blocks until
// the keeper says stop or is gone. All else happens on threads of its pool and
// of the engine.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"
#include "fanotify/group.h"
#include "fanotify/open_holds.h"
#include "fanotify/open_rule.h"
#include "fanotify/trap_ends.h"
#include "fanotify/wire.h"

namespace lazymirror::fanotify {

struct WorkerOptions {
  OpenRule opens;
  bool inode_guards = false;  // a shared file system: incomplete files are guarded one by one
  bool first = true;          // no worker of this run was ready: nothing is guarded yet
  std::size_t max_traps = 1'000;
  Duration timeout{60'000};
  // Until blocks that were reserved for an opener are given back, if it has closed.
  Duration reserve{2'000};
  unsigned threads = 4;
  std::shared_ptr<OpenHolds> holds;  // null: not needed (opens are asked for), or not to be had
};

enum class WorkerEnd { stopped, keeper_gone };

// Populates the root, says `ready`, then serves. Uses `group` for marks on
// inodes only. The engine must be in place; the group must outlive it. When
// serve() returns, no callback of the engine refers to anything here any more.
// Errors: what makes serving impossible from the start.
// At `keeper_gone` walks have ended but all events are still unanswered:
// guard_orphans() comes next, after the engine is gone.
[[nodiscard]] Result<WorkerEnd> serve(const WorkerOptions& options, Engine& engine, Group& group,
                                      Channel& channel, TrapEnds& trap_ends);

// The last of a watch whose keeper was killed: denies all that waits and all
// that comes, with EIO, until it is told to end (SIGTERM) by `lazymirror stop`
// or by a new keeper that guards the file system itself.
void guard_orphans(Group& group);

// Denies what is queued, but lets pass what is no file of a tree. False when
// nothing was queued.
bool deny_queued(Group& group);

}  // namespace lazymirror::fanotify
