// SPDX-License-Identifier: Apache-2.0
//
// Answers the keeper's pings, by way of the pool: a pool whose threads hang is
// noticed. A disk may be slow without that being a hang: as long as the pool
// took the last ping less than kPatience ago, a lane beside it answers.
//
// Threads: safe from any thread.
#pragma once

#include <optional>

#include "base/guarded.h"
#include "base/timer_queue.h"
#include "base/worker_pool.h"
#include "fanotify/gate.h"
#include "fanotify/outbox.h"

namespace lazymirror::fanotify {

class Pulse {
 public:
  static constexpr Duration kBeside{1'000};
  static constexpr Duration kPatience{20'000};

  Pulse(Outbox& outbox, Gate& gate, WorkerPool& pool, TimerQueue& timers)
      : outbox_(outbox), gate_(gate), pool_(pool), timers_(timers) {}

  void on_ping();

 private:
  void on_pool();
  void beside();

  Outbox& outbox_;
  Gate& gate_;
  WorkerPool& pool_;
  TimerQueue& timers_;
  Guarded<std::optional<SteadyTime>> since_;  // when the ping that the pool has not taken came
};

}  // namespace lazymirror::fanotify
