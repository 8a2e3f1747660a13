// SPDX-License-Identifier: Apache-2.0
//
// The threads that serve one queue of work, for whoever watches whether they
// are alive: who they are, and a count that moves as they get on.
//
// Threads: safe from any thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/unique_function.h"

namespace lazymirror {

class Crew {
 public:
  // The calling thread belongs to it for the rest of its life, which ends
  // before the crew's.
  void join();
  // A piece of work was done, or is getting on.
  void step() { steps_.fetch_add(1, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t steps() const { return steps_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::vector<pid_t> members() const;

 private:
  std::atomic<std::uint64_t> steps_{0};
  Guarded<std::vector<pid_t>> members_;
};

// Work that can take seconds says with each of its steps that it is getting on;
// else it would be taken for a thread that spins. Costs nanoseconds; does
// nothing on a thread of no crew.
void note_progress();

// A crew and the way to it.
struct Lane {
  std::string name;
  std::shared_ptr<const Crew> crew;
  // By one of the crew, when its turn comes. Dropped when the crew is ending.
  std::function<void(UniqueFunction<void()>)> run;
};

}  // namespace lazymirror
