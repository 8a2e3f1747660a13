// SPDX-License-Identifier: Apache-2.0
#include "fanotify/outstanding.h"

#include <algorithm>

namespace lazymirror::fanotify {

Ticket Outstanding::add(Event event, SteadyTime until) {
  const Ticket ticket = ++last_;
  events_.emplace(ticket, Waiting{std::move(event), until});
  deadlines_.emplace(until, ticket);
  return ticket;
}

const Event* Outstanding::find(Ticket ticket) const {
  const auto found = events_.find(ticket);
  return found == events_.end() ? nullptr : &found->second.event;
}

std::optional<Event> Outstanding::take(Ticket ticket) {
  const auto found = events_.find(ticket);
  if (found == events_.end()) return std::nullopt;
  Event event = std::move(found->second.event);
  deadlines_.erase({found->second.until, ticket});
  events_.erase(found);
  return event;
}

std::vector<Ticket> Outstanding::tickets() const {
  std::vector<Ticket> all;
  all.reserve(events_.size());
  for (const auto& [ticket, waiting] : events_) all.push_back(ticket);
  return all;
}

bool Outstanding::add_walk(std::uint64_t entry, SteadyTime until) {
  return walks_.emplace(entry, until).second;
}

bool Outstanding::take_walk(std::uint64_t entry) { return walks_.erase(entry) != 0; }

std::vector<std::uint64_t> Outstanding::walks() const { return overdue_walks(SteadyTime::max()); }

void Outstanding::extend(Ticket ticket, SteadyTime until) {
  const auto found = events_.find(ticket);
  if (found == events_.end()) return;
  deadlines_.erase({found->second.until, ticket});
  found->second.until = until;
  deadlines_.emplace(until, ticket);
}

void Outstanding::extend_walk(std::uint64_t entry, SteadyTime until) {
  const auto found = walks_.find(entry);
  if (found != walks_.end()) found->second = until;
}

std::vector<Ticket> Outstanding::overdue(SteadyTime now) const {
  std::vector<Ticket> late;
  for (const auto& [until, ticket] : deadlines_) {
    if (until > now) break;
    late.push_back(ticket);
  }
  return late;
}

std::vector<std::uint64_t> Outstanding::overdue_walks(SteadyTime now) const {
  std::vector<std::uint64_t> late;
  for (const auto& [entry, until] : walks_) {
    if (until <= now) late.push_back(entry);
  }
  return late;
}

std::optional<SteadyTime> Outstanding::next_deadline() const {
  std::optional<SteadyTime> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  for (const auto& [entry, until] : walks_) next = std::min(next.value_or(until), until);
  return next;
}

ToWorker message_of(Ticket ticket, const Event& event) {
  ToWorker message;
  message.kind = ToWorker::Kind::event;
  message.event = event.kind;
  message.ticket = ticket;
  message.number = event.fd.get();
  message.pid = event.pid;
  message.has_range = event.offset ? 1 : 0;
  message.offset = event.offset.value_or(0);
  message.count = event.count;
  return message;
}

}  // namespace lazymirror::fanotify
