// SPDX-License-Identifier: Apache-2.0
//
// The Content-Range field of a 206 or 416 answer (RFC 9110 section 14.4). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/byte_range.h"

namespace lazymirror {

struct ContentRange {
  std::optional<ByteRange> range;      // absent in "bytes */1234"
  std::optional<std::uint64_t> total;  // absent in "bytes 0-9/*"
};

// Nothing for anything but exactly one valid byte range: another unit, signs,
// blanks within, numbers over 2^63, last < first, or last >= total.
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace lazymirror
