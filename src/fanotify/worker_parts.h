// SPDX-License-Identifier: Apache-2.0
//
// What the worker's parts work with, put together once in worker.cpp. All of it
// outlives the parts; the order of the end is written there.
#pragma once

#include "base/timer_queue.h"
#include "base/worker_pool.h"
#include "fanotify/gate.h"
#include "fanotify/outbox.h"
#include "fanotify/worker.h"

namespace lazymirror::fanotify {

struct WorkerParts {
  const WorkerOptions& options;
  Engine& engine;
  InPlace& tree;
  Group& group;
  Outbox& outbox;
  Gate& gate;
  WorkerPool& pool;  // for whatever touches the disk
  TimerQueue& timers;

  [[nodiscard]] RequestContext context(Priority priority) const {
    return {priority, std::chrono::steady_clock::now() + options.timeout};
  }
};

}  // namespace lazymirror::fanotify
