// SPDX-License-Identifier: Apache-2.0
//
// A move-only std::function: completions own things that cannot be copied,
// such as a FUSE request that is answered exactly once. (std::move_only_function
// is C++23.) Not synchronised.
#pragma once

#include <memory>
#include <utility>

#include "base/result.h"

namespace lazymirror {

template <typename Signature>
class UniqueFunction;

template <typename R, typename... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}
  template <typename F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction>) UniqueFunction(F&& f)
      : target_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(f))) {}

  explicit operator bool() const { return target_ != nullptr; }

  // REQUIRES: *this holds a function.
  R operator()(Args... args) { return target_->call(std::forward<Args>(args)...); }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual R call(Args&&... args) = 0;
  };
  template <typename F>
  struct Holder final : Target {
    explicit Holder(F f) : function(std::move(f)) {}
    R call(Args&&... args) override { return function(std::forward<Args>(args)...); }
    F function;
  };
  std::unique_ptr<Target> target_;
};

// Called exactly once, on any thread, possibly before the call that took it
// returns, and never while the caller holds a lock.
template <typename T = void>
using Completion = UniqueFunction<void(Result<T>)>;

}  // namespace lazymirror
