// SPDX-License-Identifier: Apache-2.0
#include "cache/checksum.h"

#include <gtest/gtest.h>

#include "cache_fixture.h"

namespace lazymirror {
namespace {

std::uint32_t sum(std::uint64_t generation, std::uint32_t chunk, std::span<const std::byte> bytes) {
  ChunkChecksum checksum(generation, chunk);
  checksum.add(bytes);
  return checksum.value();
}

// Bit by bit, from the definition (RFC 3720 appendix B.4).
std::uint32_t reference_crc32c(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::byte b : bytes) {
    crc ^= std::to_integer<std::uint32_t>(b);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

TEST(ChunkChecksumTest, IsCrc32cOverPlaceAndBytes) {
  const auto bytes = test::bytes_of({0, 1000});
  std::vector<std::byte> all{std::byte{7}, {}, {}, {}, {}, {}, {}, {}, std::byte{5}, {}, {}, {}};
  all.insert(all.end(), bytes.begin(), bytes.end());
  EXPECT_EQ(sum(7, 5, bytes), reference_crc32c(all));
}

TEST(ChunkChecksumTest, PiecesAddUp) {
  const auto bytes = test::bytes_of({0, 70'000});
  ChunkChecksum checksum(3, 4);
  for (std::size_t at = 0; at < bytes.size(); at += 777) {
    checksum.add(std::span(bytes).subspan(at, std::min<std::size_t>(777, bytes.size() - at)));
  }
  EXPECT_EQ(checksum.value(), sum(3, 4, bytes));
}

TEST(ChunkChecksumTest, TellsGenerationsAndPlacesApart) {
  const auto bytes = test::bytes_of({0, 4096});
  EXPECT_NE(sum(1, 0, bytes), sum(2, 0, bytes));
  EXPECT_NE(sum(1, 0, bytes), sum(1, 1, bytes));
}

}  // namespace
}  // namespace lazymirror
