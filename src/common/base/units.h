// SPDX-License-Identifier: Apache-2.0
//
// Sizes and durations as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace lazymirror {

// "512", "64K", "1.5MiB", "10G", "2T": powers of 1024. Errc::invalid with the
// accepted forms.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::uint64_t bytes);  // "1.5 GiB"

// A part of something: so many bytes, or so many hundredths of it.
struct Share {
  std::uint64_t bytes = 0;
  double percent = 0;
};
// "5%", or as parse_size().
[[nodiscard]] Result<Share> parse_share(std::string_view text);

// "250ms", "30s", "30", "5min", "1h30min", "2d". A bare number is seconds.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
[[nodiscard]] std::string format_duration(Duration duration);  // "5min", "1h30min"

}  // namespace lazymirror
