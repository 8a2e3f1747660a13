// SPDX-License-Identifier: Apache-2.0
//
// When to try again. Pure: the random number is an argument.
#pragma once

#include <optional>

#include "base/clock.h"

namespace lazymirror {

struct RetryPolicy {
  unsigned retries = 4;  // after the first attempt
  Duration base{500};
  Duration max{30'000};
  Duration max_retry_after{300'000};  // one lying server must not stop a mount for a year
};

// The wait before the next attempt after `failures` (at least 1) failed ones in
// a row, or nothing when that was the last. Doubles from `base` up to `max`;
// `random` in [0, 1) takes up to half of it off, so that clients which failed
// together do not return together. A server's Retry-After is a minimum.
[[nodiscard]] std::optional<Duration> retry_delay(const RetryPolicy& policy, unsigned failures,
                                                  std::optional<Duration> retry_after,
                                                  double random);

}  // namespace lazymirror
