// SPDX-License-Identifier: Apache-2.0
#include "cache/chunk_map.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

constexpr std::uint32_t kChunk = 64u << 10;

TEST(ChunkMapTest, SmallFilesHaveSmallChunksAndHugeOnesAtMost4MiB) {
  EXPECT_EQ(chunk_size_for(0), 64u << 10);
  EXPECT_EQ(chunk_size_for(1u << 30), 64u << 10);
  EXPECT_EQ(chunk_size_for((1u << 30) + 1), 128u << 10);
  EXPECT_EQ(chunk_size_for(std::uint64_t{64} << 30), 4u << 20);
  EXPECT_EQ(chunk_size_for(std::uint64_t{16} << 40), 4u << 20);
}

TEST(ChunkMapTest, EmptyFileIsComplete) {
  const ChunkMap map(0, kChunk);
  EXPECT_TRUE(map.is_complete());
  EXPECT_EQ(map.chunk_count(), 0u);
  EXPECT_EQ(map.present_bytes(), 0u);
  EXPECT_TRUE(map.is_present({0, 100}));
  EXPECT_FALSE(map.first_missing({0, 100}));
}

TEST(ChunkMapTest, LastChunkIsShort) {
  ChunkMap map(kChunk + 1, kChunk);
  EXPECT_EQ(map.chunk_count(), 2u);
  EXPECT_EQ(map.range_of(1), (ByteRange{kChunk, kChunk + 1}));
  map.set(1);
  EXPECT_EQ(map.present_bytes(), 1u);
  map.set(0);
  EXPECT_EQ(map.present_bytes(), kChunk + 1u);
  EXPECT_TRUE(map.is_complete());
}

TEST(ChunkMapTest, SettingTwiceCountsOnce) {
  ChunkMap map(10 * kChunk, kChunk);
  map.set(3);
  map.set(3);
  EXPECT_EQ(map.present_count(), 1u);
  map.clear(3);
  map.clear(3);
  EXPECT_EQ(map.present_count(), 0u);
}

TEST(ChunkMapTest, RangeIsPresentWhenAllItsChunksAre) {
  ChunkMap map(4 * kChunk, kChunk);
  map.set(1);
  map.set(2);
  EXPECT_TRUE(map.is_present({kChunk, 3 * kChunk}));
  EXPECT_FALSE(map.is_present({kChunk - 1, 3 * kChunk}));
  EXPECT_FALSE(map.is_present({kChunk, 3 * kChunk + 1}));
  EXPECT_TRUE(map.is_present({5, 5}));
}

TEST(ChunkMapTest, FirstMissingEndsAtPresentChunkOrAtTheRange) {
  ChunkMap map(200 * kChunk, kChunk);
  map.set(70);
  EXPECT_EQ(map.first_missing({1, 2}), (ByteRange{0, kChunk}));
  EXPECT_EQ(map.first_missing({0, 200 * kChunk}), (ByteRange{0, 70 * kChunk}));
  EXPECT_EQ(map.first_missing({70 * kChunk, 72 * kChunk - 1}),
            (ByteRange{71 * kChunk, 72 * kChunk}));
  EXPECT_FALSE(map.first_missing({70 * kChunk, 71 * kChunk}));
  EXPECT_FALSE(map.first_missing({200 * kChunk, 300 * kChunk}));
}

TEST(ChunkMapTest, AlignsToWholeChunksWithinTheFile) {
  const ChunkMap map(2 * kChunk + 5, kChunk);
  EXPECT_EQ(map.aligned({1, 2}), (ByteRange{0, kChunk}));
  EXPECT_EQ(map.aligned({kChunk, 1'000'000}), (ByteRange{kChunk, 2 * kChunk + 5}));
  EXPECT_TRUE(map.aligned({7 * kChunk, 8 * kChunk}).empty());
}

TEST(ChunkMapTest, ParsesWhatItSerialised) {
  ChunkMap map(77 * kChunk - 1, kChunk);
  for (const std::uint32_t chunk : {0u, 7u, 8u, 63u, 64u, 76u}) map.set(chunk);
  const auto bits = map.serialise();
  EXPECT_EQ(bits.size(), 10u);
  EXPECT_EQ(bits[0], std::byte{0x81});
  const auto again = ChunkMap::parse(map.file_size(), kChunk, bits);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->present_count(), 6u);
  EXPECT_EQ(again->serialise(), bits);
}

TEST(ChunkMapTest, RefusesMapsThatCannotBe) {
  const std::vector<std::byte> two(2);
  std::vector<std::byte> one(1);
  EXPECT_FALSE(ChunkMap::parse(3 * kChunk, kChunk, two)) << "too long";
  EXPECT_FALSE(ChunkMap::parse(9 * kChunk, kChunk, one)) << "too short";
  EXPECT_FALSE(ChunkMap::parse(3 * kChunk, 3, one)) << "chunk size no power of two";
  EXPECT_FALSE(ChunkMap::parse(3 * kChunk, 0, one)) << "no chunk size";
  one[0] = std::byte{0x08};
  const auto beyond = ChunkMap::parse(3 * kChunk, kChunk, one);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::corrupt);
}

TEST(ChunkMapTest, RefusesSizesThatWouldNeedTooManyChunks) {
  const std::vector<std::byte> bits(8);
  EXPECT_FALSE(ChunkMap::parse(UINT64_MAX, kChunk, bits));
  EXPECT_FALSE(ChunkMap::parse(UINT64_MAX, 1, bits));
}

}  // namespace
}  // namespace lazymirror
