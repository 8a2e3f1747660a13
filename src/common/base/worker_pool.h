// SPDX-License-Identifier: Apache-2.0
//
// A few named threads that run jobs in the order given: parsing of listings,
// catalog work, whatever must not happen on the network or a kernel thread.
//
// Threads: run() may be called from any thread, also from a job. The
// destructor runs what is queued, then joins.
#pragma once

#include <memory>
#include <string>

#include "base/crew.h"
#include "base/unique_function.h"

namespace lazymirror {

class WorkerPool {
 public:
  WorkerPool(std::string name, unsigned threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void run(UniqueFunction<void()> job);
  // REQUIRES: not used after the pool.
  [[nodiscard]] Lane lane();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Gives the calling thread a name for top(1) and gdb (at most 15 bytes kept).
void name_this_thread(const std::string& name);

}  // namespace lazymirror
