// SPDX-License-Identifier: Apache-2.0
//
// The one thread on which all jobs run, step after step: what belongs to a job
// needs no lock.
//
// Threads: run() from any thread, also from a step. After stop() no step runs
// any more, and what is given later is dropped.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <utility>

#include "base/worker_pool.h"

namespace lazymirror {

class JobThread {
 public:
  void run(UniqueFunction<void()> step) {
    pool_.run([this, step = std::move(step)]() mutable {
      if (!stopped_) step();
    });
  }
  void stop() {
    stopped_ = true;
    std::promise<void> idle;
    pool_.run([&idle] { idle.set_value(); });
    idle.get_future().wait();
  }

 private:
  std::atomic<bool> stopped_{false};
  WorkerPool pool_{"lm-jobs", 1};
};

}  // namespace lazymirror
