// SPDX-License-Identifier: Apache-2.0
#include "http/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace lazymirror {

RateLimit::RateLimit(std::uint64_t bytes_per_second)
    : rate_(static_cast<double>(bytes_per_second) / 1000) {}

void RateLimit::fill(SteadyTime now) {
  const double passed = std::chrono::duration<double, std::milli>(now - filled_).count();
  level_ = std::min(rate_ * static_cast<double>(kBurst.count()), level_ + rate_ * passed);
  filled_ = now;
}

void RateLimit::took(std::size_t bytes, SteadyTime now) {
  if (!is_set()) return;
  fill(now);
  level_ -= static_cast<double>(bytes);
}

Duration RateLimit::wait(SteadyTime now) {
  if (!is_set()) return Duration{0};
  fill(now);
  return level_ >= 0 ? Duration{0}
                     : Duration{static_cast<Duration::rep>(std::ceil(-level_ / rate_))};
}

}  // namespace lazymirror
