// SPDX-License-Identifier: Apache-2.0
//
// Which chunks of a file are present: a bitmap, and the arithmetic between
// bytes and chunks. Pure; not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/byte_range.h"
#include "base/result.h"

namespace lazymirror {

// 64 KiB up to 1 GiB, then doubled so that a map stays within 16,384 bits, but
// never above 4 MiB: a random read of a huge file must not fetch more than that.
[[nodiscard]] std::uint32_t chunk_size_for(std::uint64_t file_size);

// Files that would need more chunks are refused (16 TiB in chunks of 4 MiB, the
// largest file of ext4): a lying server must not make us allocate at will.
inline constexpr std::uint64_t kMaxChunks = 4u << 20;
inline constexpr std::uint64_t kMaxFileSize = kMaxChunks * (4u << 20);

class ChunkMap {
 public:
  // REQUIRES: chunk_size is a power of two; file_size needs at most kMaxChunks.
  ChunkMap(std::uint64_t file_size, std::uint32_t chunk_size);

  // Errc::corrupt when `bits` has not the length that the sizes imply or has a
  // bit set past the last chunk.
  [[nodiscard]] static Result<ChunkMap> parse(std::uint64_t file_size, std::uint32_t chunk_size,
                                              std::span<const std::byte> bits);
  [[nodiscard]] std::vector<std::byte> serialise() const;  // bit i of byte i/8, least first

  [[nodiscard]] std::uint64_t file_size() const { return file_size_; }
  [[nodiscard]] std::uint32_t chunk_size() const { return chunk_size_; }
  [[nodiscard]] std::uint32_t chunk_count() const { return chunk_count_; }
  [[nodiscard]] std::uint32_t present_count() const { return present_count_; }
  [[nodiscard]] bool is_complete() const { return present_count_ == chunk_count_; }
  [[nodiscard]] std::uint64_t present_bytes() const;

  [[nodiscard]] std::uint32_t chunk_at(std::uint64_t offset) const;  // REQUIRES: offset < size
  [[nodiscard]] ByteRange range_of(std::uint32_t chunk) const;       // the last one is short
  [[nodiscard]] ByteRange aligned(ByteRange range) const;  // grown to whole chunks, cut to the size

  [[nodiscard]] bool has(std::uint32_t chunk) const;
  [[nodiscard]] bool is_present(ByteRange range) const;  // an empty range is

  // The first run of missing chunks that touches `range`, as bytes: whole
  // chunks, ending at a present chunk or where `range` ends (rounded up).
  [[nodiscard]] std::optional<ByteRange> first_missing(ByteRange range) const;
  // The same for present chunks.
  [[nodiscard]] std::optional<ByteRange> first_present(ByteRange range) const;

  void set(std::uint32_t chunk);
  void clear(std::uint32_t chunk);

 private:
  // The first chunk in [chunk, end) that is present (or is not); `end` if none.
  [[nodiscard]] std::uint32_t next(std::uint32_t chunk, std::uint32_t end, bool present) const;
  [[nodiscard]] std::optional<ByteRange> first_run(ByteRange range, bool present) const;

  std::uint64_t file_size_;
  std::uint32_t chunk_size_;
  std::uint32_t chunk_count_;
  std::uint32_t present_count_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace lazymirror
