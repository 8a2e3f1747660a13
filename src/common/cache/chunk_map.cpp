// SPDX-License-Identifier: Apache-2.0
#include "cache/chunk_map.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace lazymirror {
namespace {

constexpr std::uint32_t kSmallestChunk = 64u << 10;
constexpr std::uint32_t kLargestChunk = 4u << 20;
constexpr std::uint64_t kWantedBits = 16'384;

std::uint64_t chunks_in(std::uint64_t file_size, std::uint32_t chunk_size) {
  return file_size / chunk_size + (file_size % chunk_size != 0 ? 1 : 0);
}

}  // namespace

std::uint32_t chunk_size_for(std::uint64_t file_size) {
  std::uint32_t chunk_size = kSmallestChunk;
  while (chunk_size < kLargestChunk && chunks_in(file_size, chunk_size) > kWantedBits) {
    chunk_size *= 2;
  }
  return chunk_size;
}

ChunkMap::ChunkMap(std::uint64_t file_size, std::uint32_t chunk_size)
    : file_size_(file_size),
      chunk_size_(chunk_size),
      chunk_count_(static_cast<std::uint32_t>(chunks_in(file_size, chunk_size))),
      words_((std::size_t{chunk_count_} + 63) / 64) {}

Result<ChunkMap> ChunkMap::parse(std::uint64_t file_size, std::uint32_t chunk_size,
                                 std::span<const std::byte> bits) {
  if (!std::has_single_bit(chunk_size)) {
    return fail(Errc::corrupt, "a chunk size is not a power of two");
  }
  const std::uint64_t count = chunks_in(file_size, chunk_size);
  if (count > kMaxChunks || bits.size() != (count + 7) / 8) {
    return fail(Errc::corrupt, "a chunk map has not the length of its file");
  }
  ChunkMap map(file_size, chunk_size);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    map.words_[i / 8] |= std::to_integer<std::uint64_t>(bits[i]) << (i % 8 * 8);
  }
  const unsigned used = count % 64;
  if (used != 0 && (map.words_.back() >> used) != 0) {
    return fail(Errc::corrupt, "a chunk map has bits beyond the end of its file");
  }
  for (const std::uint64_t word : map.words_) {
    map.present_count_ += static_cast<std::uint32_t>(std::popcount(word));
  }
  return map;
}

std::vector<std::byte> ChunkMap::serialise() const {
  std::vector<std::byte> bits((std::size_t{chunk_count_} + 7) / 8);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bits[i] = static_cast<std::byte>(words_[i / 8] >> (i % 8 * 8));
  }
  return bits;
}

std::uint64_t ChunkMap::present_bytes() const {
  if (present_count_ == 0) return 0;
  const std::uint64_t whole = std::uint64_t{present_count_} * chunk_size_;
  const std::uint32_t last = chunk_count_ - 1;
  return has(last) ? whole - (chunk_size_ - range_of(last).size()) : whole;
}

std::uint32_t ChunkMap::chunk_at(std::uint64_t offset) const {
  return static_cast<std::uint32_t>(offset / chunk_size_);
}

ByteRange ChunkMap::range_of(std::uint32_t chunk) const {
  return clipped(std::uint64_t{chunk} * chunk_size_, chunk_size_, file_size_);
}

ByteRange ChunkMap::aligned(ByteRange range) const {
  range = range.intersect({0, file_size_});
  if (range.empty()) return range;
  return {range_of(chunk_at(range.begin)).begin, range_of(chunk_at(range.end - 1)).end};
}

bool ChunkMap::has(std::uint32_t chunk) const {
  return (words_[chunk / 64] >> (chunk % 64) & 1) != 0;
}

std::uint32_t ChunkMap::next(std::uint32_t chunk, std::uint32_t end, bool present) const {
  while (chunk < end) {
    const std::uint64_t word = present ? words_[chunk / 64] : ~words_[chunk / 64];
    const std::uint64_t rest = word >> (chunk % 64);
    if (rest != 0) return std::min(end, chunk + static_cast<std::uint32_t>(std::countr_zero(rest)));
    chunk = (chunk / 64 + 1) * 64;
  }
  return end;
}

bool ChunkMap::is_present(ByteRange range) const {
  range = range.intersect({0, file_size_});
  if (range.empty() || is_complete()) return true;
  const std::uint32_t end = chunk_at(range.end - 1) + 1;
  return next(chunk_at(range.begin), end, false) == end;
}

std::optional<ByteRange> ChunkMap::first_missing(ByteRange range) const {
  return first_run(range, false);
}

std::optional<ByteRange> ChunkMap::first_present(ByteRange range) const {
  return first_run(range, true);
}

std::optional<ByteRange> ChunkMap::first_run(ByteRange range, bool present) const {
  range = range.intersect({0, file_size_});
  if (range.empty()) return std::nullopt;
  const std::uint32_t end = chunk_at(range.end - 1) + 1;
  const std::uint32_t first = next(chunk_at(range.begin), end, present);
  if (first == end) return std::nullopt;
  const std::uint32_t stop = next(first, end, !present);
  return ByteRange{range_of(first).begin, range_of(stop - 1).end};
}

void ChunkMap::set(std::uint32_t chunk) {
  const std::uint64_t bit = std::uint64_t{1} << (chunk % 64);
  present_count_ += (words_[chunk / 64] & bit) == 0 ? 1 : 0;
  words_[chunk / 64] |= bit;
}

void ChunkMap::clear(std::uint32_t chunk) {
  const std::uint64_t bit = std::uint64_t{1} << (chunk % 64);
  present_count_ -= (words_[chunk / 64] & bit) != 0 ? 1 : 0;
  words_[chunk / 64] &= ~bit;
}

}  // namespace lazymirror
