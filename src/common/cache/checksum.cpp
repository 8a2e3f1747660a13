// SPDX-License-Identifier: Apache-2.0
#include "cache/checksum.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>

namespace lazymirror {

ChunkChecksum::ChunkChecksum(std::uint64_t generation, std::uint32_t chunk) {
  std::array<std::byte, 12> place;
  for (std::size_t i = 0; i < 8; ++i) place[i] = static_cast<std::byte>(generation >> (8 * i));
  for (std::size_t i = 0; i < 4; ++i) place[8 + i] = static_cast<std::byte>(chunk >> (8 * i));
  add(place);
}

void ChunkChecksum::add(std::span<const std::byte> bytes) {
  constexpr std::size_t kPiece = 1u << 30;  // the length is an int
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), kPiece);
    // isa-l forgot the const; it only reads.
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    state_ = crc32_iscsi(data, static_cast<int>(n), state_);
    bytes = bytes.subspan(n);
  }
}

}  // namespace lazymirror
