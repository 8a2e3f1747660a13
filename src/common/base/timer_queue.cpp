// SPDX-License-Identifier: Apache-2.0
#include "base/timer_queue.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/worker_pool.h"

namespace lazymirror {

struct TimerQueue::Impl {
  using Key = std::pair<SteadyTime, TimerId>;

  std::mutex mutex;
  std::condition_variable wake;
  std::map<Key, UniqueFunction<void()>> pending;
  std::unordered_map<TimerId, SteadyTime> times;
  TimerId next_id = 1;
  bool stopping = false;
  const std::shared_ptr<Crew> crew = std::make_shared<Crew>();
  std::thread thread;

  void work() {
    name_this_thread("lm-timer");
    crew->join();
    std::unique_lock lock(mutex);
    while (!stopping) {
      if (pending.empty()) {
        wake.wait(lock);
        continue;
      }
      const SteadyTime first = pending.begin()->first.first;
      if (std::chrono::steady_clock::now() < first) {
        wake.wait_until(lock, first);
        continue;
      }
      run_first(lock);
    }
  }

  void run_first(std::unique_lock<std::mutex>& lock) {
    auto node = pending.extract(pending.begin());
    times.erase(node.key().second);
    lock.unlock();
    node.mapped()();
    node = {};  // captures die outside the lock
    crew->step();
    lock.lock();
  }
};

TimerQueue::TimerQueue() : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->work(); });
}

TimerQueue::~TimerQueue() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

TimerId TimerQueue::run_at(SteadyTime when, UniqueFunction<void()> function) {
  TimerId id = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    id = impl_->next_id++;
    impl_->times.emplace(id, when);
    impl_->pending.emplace(Impl::Key{when, id}, std::move(function));
  }
  impl_->wake.notify_one();
  return id;
}

TimerId TimerQueue::run_after(Duration delay, UniqueFunction<void()> function) {
  return run_at(std::chrono::steady_clock::now() + delay, std::move(function));
}

bool TimerQueue::cancel(TimerId id) {
  decltype(impl_->pending)::node_type node;  // destroyed after the lock is released
  const std::lock_guard lock(impl_->mutex);
  const auto time = impl_->times.find(id);
  if (time == impl_->times.end()) return false;
  node = impl_->pending.extract(Impl::Key{time->second, id});
  impl_->times.erase(time);
  return true;
}

Lane TimerQueue::lane() {
  return {"lm-timer", impl_->crew,
          [this](UniqueFunction<void()> job) { run_after(Duration(0), std::move(job)); }};
}

}  // namespace lazymirror
