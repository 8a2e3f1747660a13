// SPDX-License-Identifier: Apache-2.0
#include "fetch/read_ahead.h"

#include <algorithm>

#include "fetch/fill_plan.h"

namespace lazymirror {
namespace {

std::uint64_t larger(std::uint64_t window) {
  if (window == 0) return ReadAhead::kFirst;
  return window < ReadAhead::kQuick ? std::min(4 * window, ReadAhead::kQuick) : 2 * window;
}

}  // namespace

bool ReadAhead::continues(const Stream& stream, ByteRange range) {
  if (!stream.used) return false;
  const std::uint64_t slack =
      stream.window > 0 ? kSlack : std::min(kSlack, kFirstSlack * range.size());
  const std::uint64_t distance =
      range.begin > stream.expected ? range.begin - stream.expected : stream.expected - range.begin;
  return distance <= slack;
}

bool ReadAhead::select(ByteRange range) {
  const auto found = std::find_if(streams_.begin(), streams_.end(),
                                  [&](const Stream& s) { return continues(s, range); });
  if (found == streams_.end()) return false;
  std::rotate(streams_.begin(), found, found + 1);
  return true;
}

std::optional<ReadAhead::Guess> ReadAhead::on_read(ByteRange range, std::uint64_t largest) {
  range = range.intersect({0, file_size_});
  if (range.empty()) return std::nullopt;
  if (!select(range)) {
    std::rotate(streams_.begin(), streams_.end() - 1, streams_.end());  // the oldest gives way
    streams_.front() = {range.end, range.end, 0, true};
    return std::nullopt;
  }
  Stream& stream = streams_.front();
  if (range.end <= stream.expected) return std::nullopt;  // behind, or noted already
  stream.expected = range.end;
  return extend(stream, largest);
}

std::optional<ReadAhead::Guess> ReadAhead::extend(Stream& stream, std::uint64_t largest) const {
  const std::uint64_t from = std::max(stream.ahead, stream.expected);
  const std::uint64_t half = stream.window / 2;
  const std::uint64_t step = stream.window < largest ? half : std::min(half, kStep);
  if (from - stream.expected > stream.window - step) return std::nullopt;
  const std::uint64_t before = stream.window;
  stream.window = std::min(larger(before), largest);
  std::uint64_t size =
      stream.expected + stream.window - std::min(from, stream.expected + stream.window);
  if (size > kStep) size -= size % kStep;
  if (size > kSlice) size -= (from + size) % kSlice;
  const ByteRange next = ByteRange{from, from + size}.intersect({0, file_size_});
  stream.ahead = std::max(from, next.end);
  if (next.empty()) return std::nullopt;
  return Guess{next, stream.window > before};
}

}  // namespace lazymirror
