// SPDX-License-Identifier: Apache-2.0
//
// Which directories carry a trap for path walks: those that were not populated
// yet, the newest first, up to a bound. The keeper sets and releases them.
//
// Threads: safe from any thread. Tells the keeper without a lock held.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "fanotify/outbox.h"

namespace lazymirror::fanotify {

class TrapPlan {
 public:
  TrapPlan(std::size_t most, Outbox& outbox) : most_(most), outbox_(outbox) {}

  // Asks for a trap at `path`, below the root. False when all are in use: it
  // gets the next one that is free.
  bool want(EntryId directory, const std::string& path);
  // The directory is populated, or gone (ESTALE): walks go on.
  void release(EntryId directory, int error);
  // The same for one that somebody walked into: also when we do not know of it.
  void release_caught(EntryId directory);
  // All traps below a directory that is gone.
  void release_below(const std::string& path, int error);
  // The keeper's answer. False when there is no trap.
  bool on_trap_set(EntryId directory, int error);

  [[nodiscard]] std::size_t count() const;

 private:
  static constexpr std::size_t kMostWaiting = 10'000;

  struct State {
    std::unordered_map<EntryId, std::string> set;                      // or asked for
    std::map<std::uint64_t, std::pair<EntryId, std::string>> waiting;  // newest last
    std::unordered_map<EntryId, std::uint64_t> places;                 // in `waiting`
    std::uint64_t next_place = 0;

    void wait(EntryId directory, const std::string& path);
    bool forget(EntryId directory);  // true when it was set
    [[nodiscard]] std::optional<std::pair<EntryId, std::string>> take_next(std::size_t most);
  };

  void fill_slot();

  const std::size_t most_;
  Outbox& outbox_;
  Guarded<State> state_;
};

}  // namespace lazymirror::fanotify
