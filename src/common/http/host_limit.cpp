// SPDX-License-Identifier: Apache-2.0
#include "http/host_limit.h"

#include <algorithm>

namespace lazymirror {

unsigned HostLimit::of(unsigned full) const {
  return allowed_ == 0 ? full : std::min(full, allowed_);
}

void HostLimit::refused(unsigned active, unsigned full, SteadyTime now) {
  served_ = 0;
  if (now < deaf_until_) return;
  deaf_until_ = now + kOneEpisode;
  allowed_ = std::max(1u, std::min(of(full), active) / 2);
}

void HostLimit::served(unsigned full) {
  if (allowed_ == 0 || ++served_ < kRounds * allowed_) return;
  served_ = 0;
  if (++allowed_ >= full) allowed_ = 0;
}

}  // namespace lazymirror
