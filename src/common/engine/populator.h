// SPDX-License-Identifier: Apache-2.0
//
// Makes directories in place: listing, then sizes, then the names on the disk.
// One flight per directory, however many wait; a flight that was begun for
// somebody in no hurry becomes urgent when somebody waits.
//
// Threads: safe from any thread. Nothing blocks the caller.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/directory_loader.h"
#include "engine/in_place.h"
#include "engine/place_queue.h"
#include "engine/size_survey.h"
#include "engine/tree.h"

namespace lazymirror {

class Populator {
 public:
  using PlacementPtr = InPlace::PlacementPtr;

  Populator(const Parts& parts, Tree& tree, DirectoryLoader& loader, Prober& prober);

  // As InPlace.
  void set_observer(ObserverPtr observer);
  void populate(EntryId directory, RequestContext context, Completion<PlacementPtr> done);
  [[nodiscard]] Duration fresh_for(EntryId directory);
  Result<> place_known();
  [[nodiscard]] ObserverPtr observer() const;
  [[nodiscard]] Lane lane() { return places_.lane(); }

  // Completes all who wait with Errc::cancelled; nothing is being placed any
  // more when it returns.
  void stop();

 private:
  struct Flight {
    Priority priority;
    SteadyTime deadline;
    unsigned rounds = 0;
  };

  void begin(EntryId directory, RequestContext context);
  void hasten(EntryId directory, RequestContext context);
  void load(EntryId directory);
  void refresh(EntryId directory);
  void survey(EntryId directory);
  void place(EntryId directory, const SizeSurvey::Outcome& outcome);
  [[nodiscard]] Result<Placement> put_in_place(EntryId directory);
  [[nodiscard]] Result<std::optional<Placement>> standing(EntryId directory);
  [[nodiscard]] bool is_overtaken(EntryId directory, const Placement& placement,
                                  const SizeSurvey::Outcome& outcome);
  void complete(EntryId directory, const Result<PlacementPtr>& result);
  [[nodiscard]] RequestContext context_of(EntryId directory) const;
  void run(EntryId directory, void (Populator::*step)(EntryId));

  const Parts& parts_;
  Tree& tree_;
  DirectoryLoader& loader_;
  SizeSurvey sizes_;
  RecentFailures partial_;  // populated, but for names that were left out
  SingleFlight<PlacementPtr> flights_;
  Guarded<std::unordered_map<EntryId, Flight>> under_way_;
  Guarded<std::unordered_set<EntryId>> looked_at_;  // placed by this very run
  Guarded<ObserverPtr> observer_;
  std::atomic<bool> stopped_{false};
  PlaceQueue places_;
};

}  // namespace lazymirror
