// SPDX-License-Identifier: Apache-2.0
//
// Populates directories, with what follows from it: traps on the children that
// were not, no trap on itself any more. The keeper is told of these traps before
// anybody learns that the directory is populated.
//
// What an earlier run or worker populated counts as not populated until it was
// looked at once more: that is quick, and puts guards and traps right.
//
// Threads: safe from any thread; completions come on the pool. What follows is
// done by one thread at a time for each directory, which may block for as long as
// the keeper is busy; who comes meanwhile waits as a completion.
#pragma once

#include <unordered_map>
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
  struct Waiter {
    InPlace::PlacementPtr placement;  // null: of those that are followed already
    Completion<Outcome> done;
  };
  // Of a directory that is not at rest.
  struct Unrest {
    std::size_t asked = 0;  // of the engine, without a result
    bool followed = false;  // somebody follows what was placed
    std::vector<Waiter> waiting;
  };
  struct State {
    std::unordered_set<EntryId> seen;  // all that follows was done once
    std::unordered_map<EntryId, Unrest> unrest;

    void calm(EntryId directory);  // if it is
    [[nodiscard]] bool is_at_rest(EntryId directory) const;
  };

  [[nodiscard]] bool joins(EntryId directory, Completion<Outcome>& done);
  void on_result(EntryId directory, Result<InPlace::PlacementPtr> result, Completion<Outcome> done);
  void follow(EntryId directory);
  [[nodiscard]] std::vector<Waiter> take_waiting(EntryId directory);
  [[nodiscard]] bool ends_following(EntryId directory);
  void complete(std::vector<Waiter> waiters, const Outcome& outcome);
  [[nodiscard]] Outcome on_placed(const Placement& placement);
  void heed(EntryId directory);

  const WorkerParts& parts_;
  TrapPlan& traps_;
  Guarded<State> state_;
};

}  // namespace lazymirror::fanotify
