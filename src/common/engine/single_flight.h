// SPDX-License-Identifier: Apache-2.0
//
// One question to the origin per entry, however many ask: the first caller
// starts it, the others wait for the same answer, each until its own deadline.
//
// Threads: safe from any thread. Completions are called without a lock held.
// Must outlive the TimerQueue's thread or be stopped before it dies.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/request_context.h"
#include "base/timer_queue.h"
#include "base/unique_function.h"
#include "cache/entry.h"
#include "fetch/transfer_queue.h"

namespace lazymirror {

template <typename T>
class SingleFlight {
 public:
  // Both outlive it. `late`: what a waiter is told at its deadline.
  SingleFlight(TransferQueue& queue, TimerQueue& timers, std::string late)
      : queue_(queue), timers_(timers), late_(std::move(late)) {}
  SingleFlight(const SingleFlight&) = delete;
  SingleFlight& operator=(const SingleFlight&) = delete;

  // True when the flight is new: the caller has to submit() it, and to see to
  // it that complete() is called.
  [[nodiscard]] bool join(EntryId key, RequestContext context, Completion<T> done);
  // The same with nobody waiting.
  [[nodiscard]] bool begin(EntryId key, Priority priority);
  // Queues the flight's start.
  void submit(EntryId key, UniqueFunction<void(TicketId)> start);
  void complete(EntryId key, const Result<T>& result);

  // Completes every waiter with Errc::cancelled and takes no more.
  void stop();

 private:
  struct Waiter {
    Completion<T> done;
    TimerId timer = 0;
  };
  struct Flight {
    Priority priority = Priority::bulk;
    TicketId ticket = 0;
    std::map<std::uint64_t, Waiter> waiters;
  };

  void arm(EntryId key, std::uint64_t id, SteadyTime deadline);
  void expire(EntryId key, std::uint64_t id);

  TransferQueue& queue_;
  TimerQueue& timers_;
  const std::string late_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::uint64_t next_id_ = 1;
  std::unordered_map<EntryId, Flight> flights_;
};

template <typename T>
bool SingleFlight<T>::join(EntryId key, RequestContext context, Completion<T> done) {
  TicketId promote = 0;
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    done(fail(Errc::cancelled, "the daemon is stopping"));
    return false;
  }
  const auto [it, first] = flights_.try_emplace(key);
  Flight& flight = it->second;
  const std::uint64_t id = next_id_++;
  flight.waiters.emplace(id, Waiter{std::move(done), 0});
  if (context.priority < flight.priority) {
    flight.priority = context.priority;
    promote = flight.ticket;
  }
  const bool is_new = first;
  lock.unlock();
  if (promote != 0) queue_.promote(promote, context.priority);
  arm(key, id, context.deadline);
  return is_new;
}

template <typename T>
bool SingleFlight<T>::begin(EntryId key, Priority priority) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  const auto [it, fresh] = flights_.try_emplace(key);
  if (fresh) it->second.priority = priority;
  return fresh;
}

template <typename T>
void SingleFlight<T>::submit(EntryId key, UniqueFunction<void(TicketId)> start) {
  std::unique_lock lock(mutex_);
  const auto it = flights_.find(key);
  if (it == flights_.end()) return;  // stopped
  const Priority asked = it->second.priority;
  lock.unlock();
  const TicketId ticket = queue_.submit(asked, std::move(start));
  lock.lock();
  const auto now = flights_.find(key);
  if (now == flights_.end()) return;
  now->second.ticket = ticket;
  const Priority wanted = now->second.priority;
  lock.unlock();
  if (wanted < asked) queue_.promote(ticket, wanted);  // somebody joined meanwhile
}

template <typename T>
void SingleFlight<T>::complete(EntryId key, const Result<T>& result) {
  std::unique_lock lock(mutex_);
  auto node = flights_.extract(key);
  lock.unlock();
  if (!node) return;
  for (auto& [id, waiter] : node.mapped().waiters) {
    if (waiter.timer != 0) timers_.cancel(waiter.timer);
    waiter.done(result);
  }
}

template <typename T>
void SingleFlight<T>::stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  auto flights = std::exchange(flights_, {});
  lock.unlock();
  for (auto& [key, flight] : flights) {
    for (auto& [id, waiter] : flight.waiters) {
      if (waiter.timer != 0) timers_.cancel(waiter.timer);
      waiter.done(fail(Errc::cancelled, "the daemon is stopping"));
    }
  }
}

template <typename T>
void SingleFlight<T>::arm(EntryId key, std::uint64_t id, SteadyTime deadline) {
  const TimerId timer = timers_.run_at(deadline, [this, key, id] { expire(key, id); });
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = flights_.find(key); it != flights_.end()) {
      if (const auto waiter = it->second.waiters.find(id); waiter != it->second.waiters.end()) {
        waiter->second.timer = timer;
        return;
      }
    }
  }
  timers_.cancel(timer);  // answered already
}

template <typename T>
void SingleFlight<T>::expire(EntryId key, std::uint64_t id) {
  std::unique_lock lock(mutex_);
  const auto it = flights_.find(key);
  if (it == flights_.end()) return;
  auto node = it->second.waiters.extract(id);
  lock.unlock();
  if (node) node.mapped().done(fail(Errc::timeout, late_));
}

}  // namespace lazymirror
