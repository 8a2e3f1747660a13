// SPDX-License-Identifier: Apache-2.0
#include "engine/place_queue.h"

#include <tuple>
#include <utility>

#include "base/worker_pool.h"

namespace lazymirror {

PlaceQueue::PlaceQueue()
    : threads_{std::thread([this] { work(true); }), std::thread([this] { work(false); })} {}

void PlaceQueue::close() {
  std::unordered_map<EntryId, Job> dropped;
  decltype(calls_) calls;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    dropped.swap(jobs_);
    calls.swap(calls_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void PlaceQueue::submit(EntryId directory, Priority priority, UniqueFunction<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    jobs_.insert_or_assign(directory, Job{priority, next_number_++, std::move(job)});
  }
  wake_.notify_all();
}

void PlaceQueue::hasten(EntryId directory) {
  {
    const std::lock_guard lock(mutex_);
    const auto job = jobs_.find(directory);
    if (job == jobs_.end()) return;
    job->second.priority = Priority::demand;
  }
  wake_.notify_all();
}

Lane PlaceQueue::lane() {
  return {"lm-place", crew_, [this](UniqueFunction<void()> job) { call(std::move(job)); }};
}

void PlaceQueue::call(UniqueFunction<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    calls_.push_back(std::move(job));
  }
  wake_.notify_all();
}

UniqueFunction<void()> PlaceQueue::take(bool only_demand) {
  if (!calls_.empty()) {
    auto call = std::move(calls_.front());
    calls_.pop_front();
    return call;
  }
  const auto rank = [](const Job& job) { return std::tie(job.priority, job.number); };
  auto best = jobs_.end();
  for (auto job = jobs_.begin(); job != jobs_.end(); ++job) {
    if (only_demand && job->second.priority != Priority::demand) continue;
    if (best == jobs_.end() || rank(job->second) < rank(best->second)) best = job;
  }
  if (best == jobs_.end()) return nullptr;
  auto run = std::move(best->second.run);
  jobs_.erase(best);
  return run;
}

void PlaceQueue::work(bool only_demand) {
  name_this_thread(only_demand ? "lm-place-now" : "lm-place");
  crew_->join();
  std::unique_lock lock(mutex_);
  while (!closed_) {
    auto job = take(only_demand);
    if (!job) {
      wake_.wait(lock);
      continue;
    }
    lock.unlock();
    job();
    job = nullptr;  // captures die outside the lock
    crew_->step();
    lock.lock();
  }
}

}  // namespace lazymirror
