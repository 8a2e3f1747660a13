// SPDX-License-Identifier: Apache-2.0
//
// Lets callbacks of others in for as long as what they refer to is alive.
// close() waits for those that are inside; whoever comes later finds it closed
// and touches nothing.
//
// Threads: safe from any thread. close() must not be called from inside.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "base/unique_function.h"

namespace lazymirror::fanotify {

class Gate : public std::enable_shared_from_this<Gate> {
 public:
  // A completion that calls `then` unless the gate is closed.
  template <typename T, typename F>
  [[nodiscard]] Completion<T> completion(F then) {
    return [gate = shared_from_this(), then = std::move(then)](Result<T> result) mutable {
      if (!gate->enter()) return;
      then(std::move(result));
      gate->leave();
    };
  }

  // The same for a timer.
  template <typename F>
  [[nodiscard]] UniqueFunction<void()> function(F then) {
    return [gate = shared_from_this(), then = std::move(then)]() mutable {
      if (!gate->enter()) return;
      then();
      gate->leave();
    };
  }

  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    empty_.wait(lock, [&] { return inside_ == 0; });
  }

 private:
  bool enter() {
    const std::lock_guard lock(mutex_);
    if (!closed_) ++inside_;
    return !closed_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable empty_;
  bool closed_ = false;
  unsigned inside_ = 0;
};

}  // namespace lazymirror::fanotify
