// SPDX-License-Identifier: Apache-2.0
#include "http/retry_policy.h"

#include <algorithm>

namespace lazymirror {

std::optional<Duration> retry_delay(const RetryPolicy& policy, unsigned failures,
                                    std::optional<Duration> retry_after, double random) {
  if (failures > policy.retries) return std::nullopt;
  const unsigned doublings = std::min(failures - 1, 20u);
  const Duration full = std::min(policy.max, Duration{policy.base.count() << doublings});
  const auto cut = static_cast<Duration::rep>(static_cast<double>(full.count()) * random / 2);
  const Duration backoff = full - Duration{cut};
  if (!retry_after) return backoff;
  return std::max(backoff, std::min(*retry_after, policy.max_retry_after));
}

}  // namespace lazymirror
