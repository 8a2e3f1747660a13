// SPDX-License-Identifier: Apache-2.0
#include "fetch/stream_tuner.h"

#include <algorithm>

namespace lazymirror {
namespace {

// Between two transfers a connection is idle for a round trip at most; a
// measurement with more idle time than this share says nothing.
constexpr int kIdleShare = 4;  // a quarter

}  // namespace

StreamTuner::StreamTuner(unsigned most)
    : most_(std::max(most, 1u)), base_(std::min(kFirst, most_)), now_(base_) {}

void StreamTuner::on_running(SteadyTime when, unsigned count) {
  count_idle(when);
  running_ = count;
  if (count > now_) measuring_ = false;  // those that are too many end first
  if (count == now_ && !measuring_) begin(when);
}

void StreamTuner::on_first_byte(Duration after) {
  first_byte_ = first_byte_ == Duration{0} ? after : (3 * first_byte_ + after) / 4;
}

void StreamTuner::begin(SteadyTime when) {
  measuring_ = true;
  begun_ = when + std::max(kSettle, 5 * first_byte_);
  idle_ = SteadyTime::duration{0};
  idle_since_ = when;
  bytes_ = 0;
  arrivals_ = 0;
}

void StreamTuner::count_idle(SteadyTime when) {
  if (running_ < now_ && when > begun_) idle_ += when - std::max(idle_since_, begun_);
  idle_since_ = when;
}

Duration StreamTuner::measured_for() const { return std::max(kMeasure, 4 * first_byte_); }

void StreamTuner::on_bytes(SteadyTime when, std::uint64_t count) {
  if (!measuring_ || when < begun_) return;
  bytes_ += count;
  ++arrivals_;
  if (when - begun_ < measured_for() || arrivals_ < kFewest) return;
  count_idle(when);
  const auto took = when - begun_;
  measuring_ = false;
  if (idle_ * kIdleShare <= took) {
    decide(when,
           static_cast<double>(bytes_) / std::chrono::duration<double, std::milli>(took).count());
  }
  if (!measuring_ && running_ == now_) begin(when);
}

void StreamTuner::decide(SteadyTime when, double rate) {
  switch (phase_) {
    case Phase::base: base_rate_ = rate; return try_more(when);
    case Phase::more:
      if (rate < kGain * base_rate_) return try_fewer(when);
      base_ = now_;
      base_rate_ = rate;
      return try_more(when);
    case Phase::fewer:
      if (rate < kLoss * base_rate_) return settle_on_base(when);
      base_ = now_;
      base_rate_ = std::max(rate, base_rate_);
      return try_fewer(when);
    case Phase::rest:
      base_rate_ = rate;
      if (when >= rest_until_) try_more(when);
  }
}

void StreamTuner::try_more(SteadyTime when) {
  if (base_ == most_) return try_fewer(when);
  go_to(when, std::min(most_, base_ + std::max(1u, base_ / 2)), Phase::more);
}

void StreamTuner::try_fewer(SteadyTime when) {
  if (base_ == 1) return settle_on_base(when);
  go_to(when, base_ - std::max(1u, base_ / 3), Phase::fewer);
}

void StreamTuner::settle_on_base(SteadyTime when) {
  rest_until_ = when + rest_;
  rest_ = std::min(2 * rest_, kLongestRest);
  go_to(when, base_, Phase::rest);
}

void StreamTuner::go_to(SteadyTime when, unsigned streams, Phase phase) {
  phase_ = phase;
  now_ = streams;
  if (running_ == now_) begin(when);
}

}  // namespace lazymirror
