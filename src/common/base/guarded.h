// SPDX-License-Identifier: Apache-2.0
//
// State that can be reached only under its lock. Locks are leaves: the holder
// of one takes no other, calls no callback and makes no blocking system call.
#pragma once

#include <mutex>
#include <utility>

namespace lazymirror {

template <typename T>
class Guarded {
 public:
  Guarded() = default;
  template <typename... Args>
  explicit Guarded(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...) {}

  // Runs f(T&) under the lock and returns what it returns (by value).
  template <typename F>
  auto with(F&& f) {
    const std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }
  template <typename F>
  auto with(F&& f) const {
    const std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace lazymirror
