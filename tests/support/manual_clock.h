// SPDX-License-Identifier: Apache-2.0
//
// A clock whose hands the test turns. Safe from any thread.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace lazymirror::testing {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override {
    return SteadyTime(std::chrono::nanoseconds(steady_ns_.load()));
  }
  [[nodiscard]] std::int64_t wall_ns() const override { return wall_ns_.load(); }

  void advance(Duration by) {
    const std::int64_t ns = std::chrono::nanoseconds(by).count();
    steady_ns_ += ns;
    wall_ns_ += ns;
  }
  // As when an administrator sets the date; the steady clock goes on.
  void set_wall_ns(std::int64_t ns) { wall_ns_ = ns; }

 private:
  std::atomic<std::int64_t> steady_ns_{1'000'000'000'000};
  std::atomic<std::int64_t> wall_ns_{1'700'000'000'000'000'000};
};

}  // namespace lazymirror::testing
