// SPDX-License-Identifier: Apache-2.0
//
// One thread that runs functions when their time has come: deadlines of
// waiters, delays before retries, periodic work. Functions must be short and
// must not block.
//
// Threads: all members may be called from any thread, also from a function
// that is being run. The destructor drops what is pending and joins.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/crew.h"
#include "base/unique_function.h"

namespace lazymirror {

using TimerId = std::uint64_t;  // never 0, never reused

class TimerQueue {
 public:
  TimerQueue();
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  TimerId run_at(SteadyTime when, UniqueFunction<void()> function);
  TimerId run_after(Duration delay, UniqueFunction<void()> function);

  // True when the function had not begun and now never will; its captures are
  // destroyed before the return. Does not wait for one that is running.
  bool cancel(TimerId id);

  // REQUIRES: not used after the queue.
  [[nodiscard]] Lane lane();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror
