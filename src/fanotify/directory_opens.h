// SPDX-License-Identifier: Apache-2.0
//
// Directories that somebody opens or walks into: populates them, then lets him
// go on.
//
// Threads: safe from any thread; handle() looks at the disk.
#pragma once

#include "base/log_limit.h"
#include "fanotify/access_event.h"
#include "fanotify/background_populates.h"
#include "fanotify/marks.h"
#include "fanotify/population.h"

namespace lazymirror::fanotify {

class DirectoryOpens {
 public:
  DirectoryOpens(const WorkerParts& parts, Population& population, DirectoryMarks& marks,
                 TrapPlan& traps, BackgroundPopulates& look_ahead)
      : parts_(parts),
        population_(population),
        marks_(marks),
        traps_(traps),
        look_ahead_(look_ahead) {}

  // opendir(3)
  void handle(AccessEventPtr event);
  // A walk caught in the directory's trap.
  void handle_walk(EntryId directory);

 private:
  void finish(const AccessEvent& event, EntryId directory);
  void release(EntryId directory, const Result<Population::Outcome>& result);
  [[nodiscard]] int errno_of(EntryId directory, const Error& error);

  const WorkerParts& parts_;
  Population& population_;
  DirectoryMarks& marks_;
  TrapPlan& traps_;
  BackgroundPopulates& look_ahead_;
  LogLimit failures_;
};

}  // namespace lazymirror::fanotify
