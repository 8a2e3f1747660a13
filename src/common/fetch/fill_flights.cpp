// SPDX-License-Identifier: Apache-2.0
//
// The life of a transfer: it begins when a slot is free, tells what arrived,
// ends, and those who waited for it ask again or are told of the failure.
#include <algorithm>

#include "fetch/fill_scheduler_impl.h"

namespace lazymirror {

using namespace detail;

// The request to make now, or nothing when another transfer will bring it.
std::optional<ByteRange> FillScheduler::Impl::take_off(Flight& flight, ByteRange missing,
                                                       ByteRange request) {
  const std::lock_guard lock(mutex);
  if (request == missing) {
    flight.range.begin = flight.reached = missing.begin;
  } else {
    for (const FlightPtr& other : flight.file->flights) {
      if (other->running && other->pending().contains(missing.begin)) return std::nullopt;
    }
    flight.range = request;
    flight.reached = request.begin;
  }
  flight.whole = flight.range.size() == flight.file->target->size();
  flight.running = true;
  flight.started = clock.now();
  count_long(flight, +1);
  return flight.range;
}

// While it was queued others may have brought a part of it, or the origin may
// have turned out to have no ranges.
void FillScheduler::Impl::begin(const FlightPtr& flight, TicketId ticket) {
  ByteRange range;
  {
    std::unique_lock lock(mutex);
    flight->ticket = ticket;
    range = flight->range;
    if (stopped || flight->unwanted) {
      const bool stopping = stopped;
      lock.unlock();
      if (!stopping) return end(*flight, {});
      return end(*flight, fail(Errc::cancelled, "the daemon is stopping"));
    }
  }
  FillTarget& target = *flight->file->target;
  const auto missing = target.first_missing(range);
  if (!missing) return end(*flight, {});
  if (missing->begin > range.begin) {
    static_cast<void>(arrived(*flight, {range.begin, missing->begin}));  // it has not begun
  }
  const auto request = take_off(*flight, *missing, target.request_for(*missing));
  if (!request) return end(*flight, {});
  target.start(*request, clock.now() + options.transfer_timeout, flight);
}

bool FillScheduler::Impl::arrived(Flight& flight, ByteRange range) {
  std::vector<WaiterPtr> concerned;
  unsigned streams = 0;
  bool leaving = false;
  {
    const std::lock_guard lock(mutex);
    ++flight.file->moves;
    const std::uint64_t before = flight.reached;
    flight.reached = std::max(flight.reached, std::min(range.end, flight.range.end));
    if (flight.running) measure(flight, flight.reached - before);
    leaving = flight.leaving = flight.unwanted;
    concerned = take_parked(*flight.file, range);
    if (streams_told != tuner.streams()) streams = streams_told = tuner.streams();
  }
  for (const WaiterPtr& waiter : concerned) serve(waiter);
  if (streams != 0) queue.set_streams(streams);
  return !leaving;
}

void FillScheduler::Impl::count_long(const Flight& flight, int change) {
  if (flight.length != Length::lengthy) return;
  long_running += static_cast<unsigned>(change);
  tuner.on_running(clock.now(), long_running);
}

void FillScheduler::Impl::measure(Flight& flight, std::uint64_t bytes) {
  if (flight.length != Length::lengthy) return;
  const SteadyTime now = clock.now();
  if (!std::exchange(flight.heard, true)) {
    tuner.on_first_byte(std::chrono::duration_cast<Duration>(now - flight.started));
  }
  tuner.on_bytes(now, bytes);
}

void FillScheduler::Impl::widen(Flight& flight, ByteRange range) {
  Queued superfluous;
  {
    const std::lock_guard lock(mutex);
    ++flight.file->moves;
    flight.range = range;
    flight.reached = range.begin;
    flight.whole = true;
    for (const FlightPtr& other : flight.file->flights) {
      if (!other->running && other->ticket != 0 && range.contains(other->range)) {
        superfluous.emplace_back(other, other->ticket);
      }
    }
  }
  withdraw(superfluous);
}

void FillScheduler::Impl::withdraw(const Queued& queued) {
  for (const auto& [flight, ticket] : queued) {
    if (queue.withdraw(ticket)) end(*flight, {});
  }
}

void FillScheduler::Impl::pick_unwanted(FileState& file, const Waiter* without,
                                        const std::function<bool(const Flight&)>& chosen,
                                        Queued& queued) {
  for (const FlightPtr& flight : file.flights) {
    const bool wanted =
        std::any_of(file.waiters.begin(), file.waiters.end(), [&](const auto& entry) {
          return entry.second.get() != without && entry.second->range.overlaps(flight->pending());
        });
    if (wanted || flight->whole || !chosen(*flight)) continue;
    flight->unwanted = true;
    if (!flight->running && flight->ticket != 0) queued.emplace_back(flight, flight->ticket);
  }
}

void FillScheduler::Impl::end(Flight& flight, const Result<>& result) {
  const FilePtr file = flight.file;
  std::vector<WaiterPtr> concerned;
  TicketId ticket = 0;
  bool good = false;
  {
    const std::lock_guard lock(mutex);
    if (std::exchange(flight.ended, true)) return;
    good = result || flight.leaving;
    const FlightPtr self = flight.shared_from_this();
    std::erase(file->flights, self);
    --flight_count;
    ++file->moves;
    ticket = flight.ticket;
    if (flight.running) count_long(flight, -1);
    if (good) {
      concerned = take_parked(*file, flight.range);
    } else {
      for (const auto& [id, waiter] : file->waiters) {
        if (waiter->range.overlaps(flight.range)) concerned.push_back(waiter);
      }
    }
    forget_if_idle(file);
  }
  for (const WaiterPtr& waiter : concerned) {
    good ? serve(waiter) : disappoint(waiter, flight.range, result.error());
  }
  queue.release(ticket);  // after the waiters have asked again: demand goes first
}

// A transfer failed that should have brought bytes of `range`. Those who do
// not miss any, or to whom another transfer brings them, are not concerned.
void FillScheduler::Impl::disappoint(const WaiterPtr& waiter, ByteRange range, const Error& error) {
  const FilePtr file = waiter->file;
  const auto missing = file->target->first_missing(waiter->range.intersect(range));
  {
    std::unique_lock lock(mutex);
    if (missing && !is_covered(*file, missing->begin, Priority::bulk)) {
      lock.unlock();
      return finish(waiter, fail(error));
    }
    if (waiter->gone || !waiter->parked) return;
    unpark(*waiter);
  }
  serve(waiter);
}

}  // namespace lazymirror
