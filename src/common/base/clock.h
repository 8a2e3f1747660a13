// SPDX-License-Identifier: Apache-2.0
//
// Time as an argument, so that tests can turn the hands. Implementations are
// safe to call from any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace lazymirror {

using Duration = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  // For deadlines and intervals; never jumps.
  [[nodiscard]] virtual SteadyTime now() const = 0;
  // Nanoseconds since 1970 UTC; for what is stored and shown.
  [[nodiscard]] virtual std::int64_t wall_ns() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override;
  [[nodiscard]] std::int64_t wall_ns() const override;
};

}  // namespace lazymirror
