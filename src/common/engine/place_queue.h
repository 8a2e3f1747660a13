// SPDX-License-Identifier: Apache-2.0
//
// Directories that wait to be placed: local disk work that may take seconds, so
// it has threads of its own. Most urgent first, and one thread does nothing
// but what somebody waits for.
//
// Threads: safe from any thread.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/crew.h"
#include "base/request_context.h"
#include "base/unique_function.h"
#include "cache/entry.h"

namespace lazymirror {

class PlaceQueue {
 public:
  PlaceQueue();
  ~PlaceQueue() { close(); }
  PlaceQueue(const PlaceQueue&) = delete;
  PlaceQueue& operator=(const PlaceQueue&) = delete;

  // One job for a directory at a time. Dropped after close().
  void submit(EntryId directory, Priority priority, UniqueFunction<void()> job);
  // Somebody waits for it now; nothing happens when it is not queued.
  void hasten(EntryId directory);
  // Its threads, who do what comes by the lane before all else. REQUIRES: not used
  // after the queue.
  [[nodiscard]] Lane lane();
  // Drops what is queued; what is under way has ended when it returns.
  void close();

 private:
  struct Job {
    Priority priority;
    std::uint64_t number;  // in order of arrival
    UniqueFunction<void()> run;
  };

  void call(UniqueFunction<void()> job);
  void work(bool only_demand);
  [[nodiscard]] UniqueFunction<void()> take(bool only_demand);  // under the lock

  std::mutex mutex_;
  std::condition_variable wake_;
  bool closed_ = false;
  std::uint64_t next_number_ = 0;
  std::unordered_map<EntryId, Job> jobs_;
  std::deque<UniqueFunction<void()>> calls_;
  const std::shared_ptr<Crew> crew_ = std::make_shared<Crew>();
  std::array<std::thread, 2> threads_;
};

}  // namespace lazymirror
