// SPDX-License-Identifier: Apache-2.0
//
// Events that come on any thread, for a policy that is not synchronised: the
// pool handles one after the other, in the order in which they came.
//
// Threads: safe from any thread.
#pragma once

#include <atomic>
#include <deque>
#include <optional>
#include <utility>

#include "base/guarded.h"
#include "base/unique_function.h"
#include "base/worker_pool.h"

namespace lazymirror {

template <typename Event>
class OneByOne {
 public:
  // Both outlive what is pushed.
  OneByOne(WorkerPool& pool, UniqueFunction<void(const Event&)> handle)
      : pool_(pool), handle_(std::move(handle)) {}

  void push(Event event) {
    if (stopped_) return;
    const bool idle = queue_.with([&](Queue& queue) {
      queue.events.push_back(std::move(event));
      return !std::exchange(queue.busy, true);
    });
    if (idle) pool_.run([this] { work(); });
  }
  // What was pushed and not handled is dropped.
  void stop() { stopped_ = true; }

 private:
  struct Queue {
    std::deque<Event> events;
    bool busy = false;
  };

  void work() {
    while (const auto event = take()) {
      if (!stopped_) handle_(*event);
    }
  }
  std::optional<Event> take() {
    return queue_.with([](Queue& queue) -> std::optional<Event> {
      queue.busy = !queue.events.empty();
      if (!queue.busy) return std::nullopt;
      Event next = std::move(queue.events.front());
      queue.events.pop_front();
      return next;
    });
  }

  WorkerPool& pool_;
  UniqueFunction<void(const Event&)> handle_;
  std::atomic<bool> stopped_{false};
  Guarded<Queue> queue_;
};

}  // namespace lazymirror
