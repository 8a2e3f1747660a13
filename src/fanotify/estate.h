// SPDX-License-Identifier: Apache-2.0
//
// What one keeper hands over to the next, so that nobody who waits notices the
// restart of a service: the group with its marks, what is mounted, the traps,
// and who waits for what.
//
// The program that receives it may be of another version than the one that
// sends it: an estate that it does not know is none.
// Not synchronised.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/event.h"
#include "fanotify/group.h"
#include "fanotify/open_rule.h"
#include "fanotify/traps.h"

namespace lazymirror::fanotify {

struct Estate {
  // In what way the tree is watched: only a keeper that would do the same can
  // take it over.
  std::string terms;
  EventMode mode = EventMode::pre_access;
  OpenRule opens;
  UniqueFd group;
  UniqueFd lock;                   // of the cache
  UniqueFd door;                   // of the view
  UniqueFd space, directory;       // of the work mount
  bool idmapped = false;           // that
  std::optional<TrapsLeft> traps;  // nothing where there are none
  // The numbers by which the group knows the events. A received event has its
  // descriptor at that number.
  std::vector<int> numbers;
  std::vector<Event> events;
  // Received: of those whose number is in use here only that is left.
  std::vector<int> lost;
};

// Blocks until the other end has taken everything, at most so long.
Result<> send_estate(int socket, const Estate& estate, Duration limit);
// Errc::unsupported: of another version; Errc::unreachable: nothing came. REQUIRES:
// few descriptors are open yet, so that the events can have their numbers.
[[nodiscard]] Result<Estate> receive_estate(int socket, Duration limit);

// Numbers below are not given to events, so that a keeper which has just begun
// has none of those in use that it takes over. To be held as long as events come,
// and once more whenever one of them may have become free.
inline constexpr int kFirstEventNumber = 64;
void occupy_first_numbers(std::vector<UniqueFd>& occupied);

}  // namespace lazymirror::fanotify
