// SPDX-License-Identifier: Apache-2.0
//
// How many requests a host is sent at once after it has asked for fewer (429,
// 503): half as many as were under way, then one more for every few rounds of
// good answers, until nothing is left of the limit. Pure; not synchronised.
#pragma once

#include "base/clock.h"

namespace lazymirror {

class HostLimit {
 public:
  // What was sent before the host spoke up says nothing new for so long.
  static constexpr Duration kOneEpisode{1'000};
  static constexpr unsigned kRounds = 4;

  [[nodiscard]] unsigned of(unsigned full) const;
  [[nodiscard]] bool reduced() const { return allowed_ != 0; }

  // The host refused for now; `active` were under way, of at most `full`.
  void refused(unsigned active, unsigned full, SteadyTime now);
  void served(unsigned full);

 private:
  unsigned allowed_ = 0;  // 0: no limit
  unsigned served_ = 0;   // at this limit
  SteadyTime deaf_until_{};
};

}  // namespace lazymirror
