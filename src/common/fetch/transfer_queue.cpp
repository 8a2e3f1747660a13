// SPDX-License-Identifier: Apache-2.0
#include "fetch/transfer_queue.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace lazymirror {

struct TransferQueue::Impl {
  static constexpr unsigned kMostKeptBack = 4;  // slots, for demand

  using Start = UniqueFunction<void(TicketId)>;
  using Place = std::pair<Priority, TicketId>;  // ids grow: within a priority in order of arrival

  using Line = std::map<Place, Start>;
  struct Whereabouts {
    Priority priority;
    Length length;
  };

  mutable std::mutex mutex;
  unsigned capacity;
  const unsigned connections;
  unsigned streams;
  TicketId next_id = 1;
  Line brief, lengthy;
  std::unordered_map<TicketId, Whereabouts> places;
  std::unordered_map<TicketId, Length> running;
  unsigned lengthy_running = 0;
  bool pumping = false;

  explicit Impl(unsigned slots)
      : capacity(std::max(slots, 1u)), connections(capacity), streams(guesses_in(connections)) {}

  // With one slot nothing can be kept back: guesses would never run.
  [[nodiscard]] static unsigned guesses_in(unsigned slots) {
    return slots < 2 ? slots : slots - std::max(slots / 4, 1u);
  }

  // Of the brief ones, which make room soon, many may be guesses.
  [[nodiscard]] static unsigned kept_back(unsigned slots) {
    return std::min(slots - guesses_in(slots), kMostKeptBack);
  }
  [[nodiscard]] bool has_room(Priority priority) const {
    return running.size() + (priority == Priority::demand ? 0 : kept_back(capacity)) < capacity;
  }
  [[nodiscard]] bool has_stream(Priority priority) const {
    return lengthy_running < (priority == Priority::demand ? connections : streams);
  }

  Line& line_of(Length length) { return length == Length::brief ? brief : lengthy; }

  // The line whose first may start, if any: of two, the one who comes first.
  Line* next_line() {
    const bool a = !brief.empty() && has_room(brief.begin()->first.first);
    const bool b = !lengthy.empty() && has_room(lengthy.begin()->first.first) &&
                   has_stream(lengthy.begin()->first.first);
    if (a && b) return brief.begin()->first < lengthy.begin()->first ? &brief : &lengthy;
    return a ? &brief : b ? &lengthy : nullptr;
  }

  std::optional<std::pair<TicketId, Start>> take_next() {
    Line* const line = next_line();
    if (line == nullptr) return std::nullopt;
    auto node = line->extract(line->begin());
    const TicketId id = node.key().second;
    const auto place = places.extract(id);
    running.emplace(id, place.mapped().length);
    if (place.mapped().length == Length::lengthy) ++lengthy_running;
    return std::pair{id, std::move(node.mapped())};
  }

  // One thread at a time starts what may start. A start function that submits
  // or releases (a transfer that fails at once) is served by the loop it was
  // called from, so the stack does not grow with the queue.
  void pump() {
    std::unique_lock lock(mutex);
    if (std::exchange(pumping, true)) return;
    while (auto next = take_next()) {
      lock.unlock();
      next->second(next->first);
      next.reset();  // captures die outside the lock
      lock.lock();
    }
    pumping = false;
  }
};

TransferQueue::TransferQueue(unsigned capacity) : impl_(std::make_unique<Impl>(capacity)) {}
TransferQueue::~TransferQueue() = default;

TicketId TransferQueue::submit(Priority priority, UniqueFunction<void(TicketId)> start,
                               Length length) {
  TicketId id = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    id = impl_->next_id++;
    impl_->places.emplace(id, Impl::Whereabouts{priority, length});
    impl_->line_of(length).emplace(Impl::Place{priority, id}, std::move(start));
  }
  impl_->pump();
  return id;
}

void TransferQueue::promote(TicketId id, Priority priority) {
  {
    const std::lock_guard lock(impl_->mutex);
    const auto place = impl_->places.find(id);
    if (place == impl_->places.end() || place->second.priority <= priority) return;
    Impl::Line& line = impl_->line_of(place->second.length);
    auto node = line.extract(Impl::Place{place->second.priority, id});
    node.key().first = priority;
    line.insert(std::move(node));
    place->second.priority = priority;
  }
  impl_->pump();
}

bool TransferQueue::withdraw(TicketId id) {
  Impl::Start dropped;  // destroyed after the lock is released
  const std::lock_guard lock(impl_->mutex);
  const auto place = impl_->places.find(id);
  if (place == impl_->places.end()) return false;
  auto node = impl_->line_of(place->second.length).extract(Impl::Place{place->second.priority, id});
  dropped = std::move(node.mapped());
  impl_->places.erase(place);
  return true;
}

void TransferQueue::release(TicketId id) {
  {
    const std::lock_guard lock(impl_->mutex);
    const auto ended = impl_->running.extract(id);
    if (ended && ended.mapped() == Length::lengthy) --impl_->lengthy_running;
  }
  impl_->pump();
}

void TransferQueue::set_capacity(unsigned capacity) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->capacity == std::max(capacity, 1u)) return;
    impl_->capacity = std::max(capacity, 1u);
  }
  impl_->pump();
}

void TransferQueue::set_streams(unsigned streams) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->streams = std::clamp(streams, 1u, most_streams());
  }
  impl_->pump();
}

unsigned TransferQueue::most_streams() const { return Impl::guesses_in(impl_->connections); }

TransferQueue::Load TransferQueue::load() const {
  const std::lock_guard lock(impl_->mutex);
  return {static_cast<unsigned>(impl_->running.size()),
          static_cast<unsigned>(impl_->places.size())};
}

}  // namespace lazymirror
