// SPDX-License-Identifier: Apache-2.0
#include "base/worker_pool.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace lazymirror {

void name_this_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

struct WorkerPool::Impl {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<UniqueFunction<void()>> jobs;
  bool stopping = false;
  const std::string name;
  const std::shared_ptr<Crew> crew = std::make_shared<Crew>();
  std::vector<std::thread> threads;

  explicit Impl(std::string n) : name(std::move(n)) {}

  void work() {
    name_this_thread(name);
    crew->join();
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return stopping || !jobs.empty(); });
      if (jobs.empty()) return;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;  // captures die outside the lock
      crew->step();
      lock.lock();
    }
  }
};

WorkerPool::WorkerPool(std::string name, unsigned threads)
    : impl_(std::make_unique<Impl>(std::move(name))) {
  for (unsigned i = 0; i < threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

void WorkerPool::run(UniqueFunction<void()> job) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->jobs.push_back(std::move(job));
  }
  impl_->wake.notify_one();
}

Lane WorkerPool::lane() {
  return {impl_->name, impl_->crew, [this](UniqueFunction<void()> job) { run(std::move(job)); }};
}

}  // namespace lazymirror
