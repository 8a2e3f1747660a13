// SPDX-License-Identifier: Apache-2.0
//
// What waits for the worker: events of the group and walks caught in traps,
// each until a moment of its own. Owns the descriptors of the events, whose
// numbers the kernel knows the readers by: they stay open until answered.
//
// Pure but for those; not synchronised.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "fanotify/event.h"
#include "fanotify/wire.h"

namespace lazymirror::fanotify {

class Outstanding {
 public:
  Ticket add(Event event, SteadyTime until);
  // Nothing when the ticket is unknown, or done.
  [[nodiscard]] const Event* find(Ticket ticket) const;
  [[nodiscard]] std::optional<Event> take(Ticket ticket);
  // In the order in which they came.
  [[nodiscard]] std::vector<Ticket> tickets() const;
  [[nodiscard]] std::size_t events() const { return events_.size(); }

  // A walk into `entry`; false when one waits there already.
  bool add_walk(std::uint64_t entry, SteadyTime until);
  bool take_walk(std::uint64_t entry);
  [[nodiscard]] std::vector<std::uint64_t> walks() const;

  // May wait until then; no matter when it is done.
  void extend(Ticket ticket, SteadyTime until);
  void extend_walk(std::uint64_t entry, SteadyTime until);

  [[nodiscard]] std::vector<Ticket> overdue(SteadyTime now) const;
  [[nodiscard]] std::vector<std::uint64_t> overdue_walks(SteadyTime now) const;
  [[nodiscard]] std::optional<SteadyTime> next_deadline() const;

 private:
  struct Waiting {
    Event event;
    SteadyTime until;
  };
  Ticket last_ = 0;
  std::map<Ticket, Waiting> events_;
  std::set<std::pair<SteadyTime, Ticket>> deadlines_;  // of events_
  std::map<std::uint64_t, SteadyTime> walks_;          // as many as there are traps at most
};

// What the worker is told of an event.
[[nodiscard]] ToWorker message_of(Ticket ticket, const Event& event);

}  // namespace lazymirror::fanotify
