// SPDX-License-Identifier: Apache-2.0
//
// Private to the fetch room: what FillScheduler knows of files, waiters and
// flights. Everything here is guarded by the scheduler's one lock, except what
// is marked as fixed at construction.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fetch/fill_plan.h"
#include "fetch/fill_scheduler.h"

namespace lazymirror::detail {

struct Waiter;
class Flight;
using WaiterPtr = std::shared_ptr<Waiter>;
using FlightPtr = std::shared_ptr<Flight>;

// A file with waiters or flights.
struct FileState {
  std::shared_ptr<FillTarget> target;  // fixed
  // Each waiter stands at the first byte it still misses, so that arriving
  // bytes find those they concern without a look at the others.
  std::multimap<std::uint64_t, WaiterPtr> parked;
  std::unordered_map<WaiterId, WaiterPtr> waiters;
  std::vector<FlightPtr> flights;
  // Moves with every byte that arrives and every flight that ends. Who looked
  // at the file without the lock looks again if it has moved meanwhile.
  std::uint64_t moves = 0;

  [[nodiscard]] bool idle() const { return waiters.empty() && flights.empty(); }
};
using FilePtr = std::shared_ptr<FileState>;

struct Waiter {
  WaiterId id = 0;    // fixed
  FilePtr file;       // fixed
  ByteRange range;    // fixed
  Priority priority;  // fixed
  Completion<> done;
  TimerId timer = 0;
  std::uint64_t at = 0;  // the first byte it misses
  unsigned rounds = 0;   // how often requests were made for it
  bool planned = false;  // all that it misses has been asked for
  bool gone = false;     // completed
  bool parked = false;   // in FileState::parked, at `place`; if not, some thread looks after it
  std::multimap<std::uint64_t, WaiterPtr>::iterator place;
};

// REQUIRES: not parked.
inline void park(const WaiterPtr& waiter, std::uint64_t at) {
  waiter->at = at;
  waiter->parked = true;
  waiter->place = waiter->file->parked.emplace(at, waiter);
}

inline void unpark(Waiter& waiter) {
  if (std::exchange(waiter.parked, false)) waiter.file->parked.erase(waiter.place);
}

// Takes out those who wait for a byte of `range`; the caller looks after them.
inline std::vector<WaiterPtr> take_parked(FileState& file, ByteRange range) {
  std::vector<WaiterPtr> taken;
  const auto first = file.parked.lower_bound(range.begin);
  const auto last = file.parked.lower_bound(std::max(range.begin, range.end));
  for (auto it = first; it != last; ++it) {
    it->second->parked = false;
    taken.push_back(std::move(it->second));
  }
  file.parked.erase(first, last);
  return taken;
}

}  // namespace lazymirror::detail
