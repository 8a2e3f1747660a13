// SPDX-License-Identifier: Apache-2.0
//
// The rate of something that is looked at now and then, over the last ten
// seconds, and how long the rest will take. Pure: time is an argument. Not
// synchronised.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.h"

namespace lazymirror {

class RateMeter {
 public:
  static constexpr Duration kWindow{10'000};
  // Over less than this nothing can be said of the time that is left.
  static constexpr Duration kLeast{1'000};

  // `total` so far; never less than before.
  void note(SteadyTime when, std::uint64_t total);
  [[nodiscard]] double per_second() const;
  // Of so much that is left; nothing while it cannot be said.
  [[nodiscard]] std::optional<Duration> time_for(std::uint64_t rest) const;

 private:
  struct Look {
    SteadyTime when;
    std::uint64_t total = 0;
  };
  [[nodiscard]] Duration span() const;

  std::deque<Look> looks_;
};

}  // namespace lazymirror
