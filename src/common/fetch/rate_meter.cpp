// SPDX-License-Identifier: Apache-2.0
#include "fetch/rate_meter.h"

namespace lazymirror {

// One look older than the window stays, so that the rate is over all of it.
void RateMeter::note(SteadyTime when, std::uint64_t total) {
  if (!looks_.empty() && when <= looks_.back().when) {
    looks_.back().total = total;
    return;
  }
  looks_.push_back({when, total});
  while (looks_.size() > 2 && when - looks_[1].when >= kWindow) looks_.pop_front();
}

Duration RateMeter::span() const {
  if (looks_.size() < 2) return Duration(0);
  return std::chrono::duration_cast<Duration>(looks_.back().when - looks_.front().when);
}

double RateMeter::per_second() const {
  const Duration over = span();
  if (over <= Duration(0)) return 0;
  const auto moved = static_cast<double>(looks_.back().total - looks_.front().total);
  return moved * 1000 / static_cast<double>(over.count());
}

std::optional<Duration> RateMeter::time_for(std::uint64_t rest) const {
  const double rate = per_second();
  if (span() < kLeast || rate <= 0) return std::nullopt;
  const double ms = static_cast<double>(rest) / rate * 1000;
  constexpr double kForever = 1e13;  // some 300 years
  if (ms > kForever) return std::nullopt;
  return Duration(static_cast<Duration::rep>(ms));
}

}  // namespace lazymirror
