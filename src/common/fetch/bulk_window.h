// SPDX-License-Identifier: Apache-2.0
//
// How much of a bulk fetch is asked for at once: enough small files to hide
// their round trips, enough bytes of large ones for several streams, and no
// more, so that what the job has asked for is soon done when it is cancelled.
// Pure. Not synchronised.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/byte_range.h"

namespace lazymirror {

class BulkWindow {
 public:
  static constexpr std::uint64_t kPiece = 16u << 20;  // of a large file, asked for together
  static constexpr std::uint64_t kMostBytes = 8 * kPiece;
  static constexpr std::size_t kMostPieces = 64;

  // One piece may always be under way.
  [[nodiscard]] bool has_room() const {
    return pieces_ == 0 || (pieces_ < kMostPieces && bytes_ + kPiece <= kMostBytes);
  }
  void begin(ByteRange piece) {
    ++pieces_;
    bytes_ += piece.size();
  }
  void end(ByteRange piece) {
    --pieces_;
    bytes_ -= piece.size();
  }
  [[nodiscard]] bool empty() const { return pieces_ == 0; }

  // The first piece of what is missing. A small rest is not worth one of its own.
  [[nodiscard]] static ByteRange first_piece(ByteRange missing) {
    if (missing.size() <= kPiece + kPiece / 8) return missing;
    return {missing.begin, missing.begin + kPiece};
  }

 private:
  std::size_t pieces_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace lazymirror
