// SPDX-License-Identifier: Apache-2.0
//
// How a data file and its map are written down, and how they are told to belong
// together. Pure; the parsers accept any bytes and are fuzzed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/version.h"
#include "cache/catalog.h"
#include "cache/chunk_map.h"

namespace lazymirror {

// What a data file says of itself, in the xattr kStampName. `tag` is a random
// number that the record of the map carries too: a map is believed only for
// the very inode that it was made for, whatever was renamed, restored or lost.
// `inode` is the number of the file that was stamped: on any other file the
// stamp was copied (cp --preserve=xattr) and says nothing.
// Directories carry one in place, with generation and tag 0.
struct Stamp {
  EntryId id = 0;
  std::uint64_t generation = 0;
  std::uint64_t tag = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

inline constexpr const char* kStampName = "user.lazymirror.id";

[[nodiscard]] std::string format_stamp(const Stamp& stamp);  // "17:2:00c0ffee00c0ffee:131"
[[nodiscard]] std::optional<Stamp> parse_stamp(std::string_view text);

// What so many bytes of a file take of the disk, which is given out in blocks.
[[nodiscard]] constexpr std::uint64_t occupied(std::uint64_t bytes) {
  constexpr std::uint64_t kBlock = 4096;
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

// Little-endian, four bytes each.
[[nodiscard]] std::vector<std::byte> pack_crcs(std::span<const std::uint32_t> crcs);
[[nodiscard]] std::vector<std::uint32_t> unpack_crcs(std::span<const std::byte> bytes);

// The map of a record, after all checks that can be made without the file.
// Errc::corrupt.
[[nodiscard]] Result<ChunkMap> parse_map(const FileRecord& record);

// Whether two statements about one file cannot both be true of one version.
// What only one of them says is no contradiction.
[[nodiscard]] bool contradicts(const Version& known, const Version& seen);

}  // namespace lazymirror
