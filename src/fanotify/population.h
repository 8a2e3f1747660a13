// SPDX-License-Identifier: Apache-2.0
//
// Populates directories, with what follows from it: traps on the children that
// were not, no trap on itself any more.
//
// What an earlier run or worker populated counts as not populated until it was
// looked at once more: that is quick, and puts guards and traps right.
//
// Threads: safe from any thread; completions come on the pool.
#pragma once

#include <unordered_set>
#include <vector>

#include "base/guarded.h"
#include "fanotify/trap_plan.h"
#include "fanotify/worker_parts.h"

namespace lazymirror::fanotify {

class Population {
 public:
  Population(const WorkerParts& parts, TrapPlan& traps) : parts_(parts), traps_(traps) {}

  struct Outcome {
    std::vector<EntryId> untrapped;  // children that no trap is left for
  };
  void populate(EntryId directory, Priority priority, Completion<Outcome> done);
  // Nothing to do for an opendir(3).
  [[nodiscard]] bool is_settled(EntryId directory);

 private:
  [[nodiscard]] Outcome on_placed(const Placement& placement);
  void heed(EntryId directory);

  const WorkerParts& parts_;
  TrapPlan& traps_;
  Guarded<std::unordered_set<EntryId>> seen_;
};

}  // namespace lazymirror::fanotify
