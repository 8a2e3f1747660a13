// SPDX-License-Identifier: Apache-2.0
//
// What will be read next, guessed from what was read: a pure function of the
// history of one open file. A few streams are told apart (two programs may
// share a descriptor, an archiver reads index and contents in turn). A read
// that goes on where another ended opens a window that grows from kFirst, quickly
// at first, to as much as the network can use; reads elsewhere open nothing, so
// that random reads fetch only their own chunks. Not synchronised.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/byte_range.h"

namespace lazymirror {

class ReadAhead {
 public:
  static constexpr std::uint64_t kFirst = 512u << 10;
  static constexpr std::uint64_t kQuick = 8u << 20;     // up to here fourfold, then twofold
  static constexpr std::uint64_t kLargest = 32u << 20;  // unless said otherwise
  // A read this close behind or ahead of the expected place still belongs to an
  // open stream: the kernel issues the reads of one stream out of order.
  static constexpr std::uint64_t kSlack = 2u << 20;
  // The window of a fast stream moves on by one request at a time, so that there
  // is always as much in flight as was found best.
  static constexpr std::uint64_t kStep = 8u << 20;
  // A stream opens on closer evidence: within this many times the read's size.
  static constexpr std::uint64_t kFirstSlack = 4;

  struct Guess {
    ByteRange range;
    bool grows;  // the window has; else it has only moved on
  };

  explicit ReadAhead(std::uint64_t file_size) : file_size_(file_size) {}

  // Notes a read and returns what to fetch beyond it, if anything new: asked
  // for in large steps (when half of the window is used up, of the largest one
  // kStep), not on each read. Noting the same read twice changes nothing. `largest`: of the
  // window, from now on.
  [[nodiscard]] std::optional<Guess> on_read(ByteRange range, std::uint64_t largest = kLargest);

  [[nodiscard]] std::uint64_t window() const { return streams_.front().window; }  // last used

 private:
  struct Stream {
    std::uint64_t expected = 0;  // where a sequential reader goes on
    std::uint64_t ahead = 0;     // end of what has been asked for
    std::uint64_t window = 0;    // 0: one read only so far
    bool used = false;
  };
  static constexpr std::size_t kStreams = 4;

  [[nodiscard]] static bool continues(const Stream& stream, ByteRange range);
  // Moves the stream that `range` continues to the front; false if none does.
  bool select(ByteRange range);
  [[nodiscard]] std::optional<Guess> extend(Stream& stream, std::uint64_t largest) const;

  std::uint64_t file_size_;
  std::array<Stream, kStreams> streams_{};  // most recently used first
};

}  // namespace lazymirror
