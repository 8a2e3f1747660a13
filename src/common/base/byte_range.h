// SPDX-License-Identifier: Apache-2.0
//
// A half-open range of bytes [begin, end). Pure arithmetic.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lazymirror {

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // one past the last byte; Invariant: begin <= end

  [[nodiscard]] constexpr std::uint64_t size() const { return end - begin; }
  [[nodiscard]] constexpr bool empty() const { return begin >= end; }
  [[nodiscard]] constexpr bool contains(std::uint64_t offset) const {
    return begin <= offset && offset < end;
  }
  [[nodiscard]] constexpr bool contains(ByteRange other) const {
    return other.empty() || (begin <= other.begin && other.end <= end);
  }
  [[nodiscard]] constexpr bool overlaps(ByteRange other) const {
    return begin < other.end && other.begin < end;
  }
  [[nodiscard]] constexpr ByteRange intersect(ByteRange other) const {
    const std::uint64_t b = std::max(begin, other.begin);
    return {b, std::max(b, std::min(end, other.end))};
  }
  friend constexpr bool operator==(ByteRange, ByteRange) = default;
};

// [offset, offset + length), the end saturated and then clipped to file_size.
[[nodiscard]] constexpr ByteRange clipped(std::uint64_t offset, std::uint64_t length,
                                          std::uint64_t file_size) {
  const std::uint64_t begin = std::min(offset, file_size);
  return {begin, begin + std::min(length, file_size - begin)};
}

}  // namespace lazymirror
