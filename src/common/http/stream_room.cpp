// SPDX-License-Identifier: Apache-2.0
#include "http/stream_room.h"

#include <algorithm>

namespace lazymirror {
namespace {

constexpr unsigned kMost = 1'000;  // more than any limit of ours

}  // namespace

unsigned StreamRoom::of(unsigned first, unsigned full) const {
  return std::min(full, std::max(first, allowed_));
}

void StreamRoom::handed_over() { ++waiting_; }

void StreamRoom::sent() {
  --waiting_;
  ++running_;
}

// It counted as running and was waiting: two for one, as an answer adds one.
void StreamRoom::sent_again() { allowed_ -= std::min(allowed_, 2u); }

void StreamRoom::answered(unsigned first, SteadyTime now) {
  if (now >= until_) allowed_ = std::min(std::max(first, allowed_) + 1, kMost);
}

void StreamRoom::ended(bool was_sent) { --(was_sent ? running_ : waiting_); }

void StreamRoom::look(SteadyTime now) {
  if (waiting_ == 0 || running_ == 0 || now < until_) return;
  allowed_ = running_;
  until_ = now + kBelieved;
}

}  // namespace lazymirror
