// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a chunk map, as checksums and as a stamp: refused, or read to
// the same bytes again. The first 12 bytes choose the sizes.
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "cache/record.h"
#include "expect.h"

namespace {

using namespace lazymirror;

void try_map(std::uint64_t file_size, std::uint32_t chunk_size, std::span<const std::byte> bits) {
  const auto map = ChunkMap::parse(file_size, chunk_size, bits);
  if (!map) return;
  const auto again = map->serialise();
  LM_FUZZ_EXPECT(again.size() == bits.size());
  LM_FUZZ_EXPECT(std::equal(again.begin(), again.end(), bits.begin()));
  LM_FUZZ_EXPECT(map->present_bytes() <= file_size);
  LM_FUZZ_EXPECT(map->is_complete() == !map->first_missing({0, file_size}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  if (const auto stamp = parse_stamp({reinterpret_cast<const char*>(data), size})) {
    LM_FUZZ_EXPECT(parse_stamp(format_stamp(*stamp)) == stamp);
  }
  LM_FUZZ_EXPECT(pack_crcs(unpack_crcs(bytes)).size() == size / 4 * 4);
  std::uint64_t file_size = 0;
  std::uint32_t chunk_size = 0;
  if (size < sizeof file_size + sizeof chunk_size) return 0;
  std::memcpy(&file_size, data, sizeof file_size);
  std::memcpy(&chunk_size, data + sizeof file_size, sizeof chunk_size);
  const auto bits = bytes.subspan(sizeof file_size + sizeof chunk_size);
  try_map(file_size, chunk_size, bits);
  try_map(bits.size() * 8 * 4096, 4096, bits);  // the right length, any bits
  return 0;
}
