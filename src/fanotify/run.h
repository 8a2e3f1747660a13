// SPDX-License-Identifier: Apache-2.0
//
// One run of a watch, in the process that becomes its keeper: what has to be
// there before the keeper's loop, and what is left after it.
//
// Not synchronised. Used by watch() alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/caretaker.h"
#include "fanotify/estate.h"
#include "fanotify/group.h"
#include "fanotify/keeper.h"
#include "fanotify/open_rule.h"
#include "fanotify/traps.h"
#include "fanotify/view.h"
#include "fanotify/watch.h"
#include "fanotify/work_mount.h"
#include "fanotify/worker_process.h"

namespace lazymirror::fanotify {

class Run {
 public:
  Run(const WatchOptions& options, const WatchParts& parts, bool hangup_counts)
      : options_(options), parts_(parts), hangup_counts_(hangup_counts) {}

  Result<> prepare();
  Result<WatchEnd> serve_until_stopped(UniqueFd signals);

 private:
  Result<> prepare_first();
  [[nodiscard]] OpenRule choose_rule(EventMode mode) const;
  Result<> guard();
  Result<> make_work_mount();
  Result<> choose_worker();
  [[nodiscard]] WorkerBody worker_body() const;
  [[nodiscard]] KeeperParts keeper_parts();
  Result<std::unique_ptr<Traps>> show();
  void set_up(Traps& traps);
  Result<> open();
  void leave_guard_if_needed();

  // --- from one keeper to the next ---
  // False: there is nothing that can be taken over.
  [[nodiscard]] bool take_over();
  Result<> settle_in(Estate& estate);
  [[nodiscard]] std::string terms() const;
  Result<> hand_to(Keeper& keeper);
  Result<std::unique_ptr<Traps>> enter();
  [[nodiscard]] Result<View> view_before() const;
  void deny_lost();
  Result<WatchEnd> end_unentered(Keeper& keeper, const Result<>& end);
  void end_for_caretaker(Keeper& keeper);
  Result<WatchEnd> leave(Keeper& keeper);
  int take_care(Keeper& keeper, UniqueFd line);
  int be_usher(const Keeper& keeper, std::pair<UniqueFd, UniqueFd> line);
  [[nodiscard]] Estate estate_of(const Keeper& keeper, int to_usher) const;

  const WatchOptions& options_;
  const WatchParts& parts_;
  const bool hangup_counts_;
  UniqueFd signals_;
  std::vector<UniqueFd> first_numbers_;
  std::optional<Heir> heir_;  // until what it asked for is in our hands
  Estate estate_;             // then: what is not used yet
  UniqueFd lock_;
  OpenRule opens_;
  Mechanism mechanism_;
  std::optional<Group> group_;
  std::optional<WorkMount> mount_;
  std::optional<View> view_;
  WorkerPlace place_;
  WorkerBody body_;
};

// How events are read in this mode, and why.
[[nodiscard]] Mechanism mechanism_of(EventMode mode, EventChoice choice);

}  // namespace lazymirror::fanotify
