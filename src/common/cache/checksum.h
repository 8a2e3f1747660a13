// SPDX-License-Identifier: Apache-2.0
//
// The checksum of a chunk: CRC32C over the chunk's place and its bytes. The
// place (generation, chunk number) is part of it so that a chunk of another
// version, or one that landed elsewhere, does not pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lazymirror {

class ChunkChecksum {
 public:
  ChunkChecksum(std::uint64_t generation, std::uint32_t chunk);
  void add(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = ~std::uint32_t{0};
};

}  // namespace lazymirror
