// SPDX-License-Identifier: Apache-2.0
#include "fanotify/worker_health.h"

#include <algorithm>

namespace lazymirror::fanotify {
namespace {

constexpr Duration kFirstPause{100};

// `first`, doubled `times`, but at most `limit`.
Duration doubled(Duration first, unsigned times, Duration limit) {
  Duration value = first;
  for (unsigned i = 0; i < times && value < limit; ++i) value *= 2;
  return std::min(value, limit);
}

}  // namespace

void WorkerHealth::started(SteadyTime now, bool unhurried) {
  running_ = true;
  lives_ = false;
  next_ping_ = now;
  const Duration start = doubled(times_.patience, failures_, times_.longest_start);
  give_up_ = unhurried ? SteadyTime::max() : now + start;
}

void WorkerHealth::sign_of_life(SteadyTime now) {
  lives_ = true;
  failures_ = 0;
  give_up_ = now + times_.patience;
}

void WorkerHealth::ended(SteadyTime now) {
  running_ = false;
  if (!lives_) ++failures_;
  restart_ = now;
  if (failures_ >= kFewFailures) {
    restart_ += doubled(kFirstPause, failures_ - kFewFailures, times_.longest_pause);
  }
}

SteadyTime WorkerHealth::next() const {
  return running_ ? std::min(next_ping_, give_up_) : restart_;
}

}  // namespace lazymirror::fanotify
