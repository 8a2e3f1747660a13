// SPDX-License-Identifier: Apache-2.0
#include "http/origin_facts.h"

#include "base/log.h"
#include "http/header_values.h"

namespace lazymirror {
namespace {

constexpr unsigned kIgnoredToBelieve = 3;
constexpr std::chrono::minutes kBelieved{10};

}  // namespace

void OriginFacts::range_ignored(const ResponseHead& head, const std::string& url, SteadyTime now) {
  ++ignored_in_a_row_;
  if (iequals(head.accept_ranges, "bytes") && ignored_in_a_row_ < kIgnoredToBelieve) return;
  no_ranges_until_ = (now + kBelieved).time_since_epoch().count();
  if (std::exchange(warned_, true)) return;
  log::warn(
      "http: the server does not serve parts of files (seen at {}): each file is fetched "
      "from its beginning, also when only a part of it is read",
      url);
}

bool OriginFacts::ranges_supported(SteadyTime now) const {
  return now.time_since_epoch().count() >= no_ranges_until_;
}

void OriginFacts::succeeded() {
  health_.with([](OriginHealth& health) { health.consecutive_failures = 0; });
}

void OriginFacts::failed(const std::string& message) {
  health_.with([&](OriginHealth& health) {
    ++health.consecutive_failures;
    health.last_error = message;
  });
}

OriginHealth OriginFacts::health() const {
  OriginHealth out = health_.with([](const OriginHealth& health) { return health; });
  out.http2 = http2_;
  return out;
}

}  // namespace lazymirror
