// SPDX-License-Identifier: Apache-2.0
#include "cache/record.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace lazymirror {
namespace {

// Takes a number and, unless it is the last, the ':' behind it.
std::optional<std::uint64_t> take_number(std::string_view& text, int base, bool last) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{}) return std::nullopt;
  if (last ? stop != end : stop == end || *stop != ':') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + (last ? 0 : 1));
  return value;
}

}  // namespace

std::string format_stamp(const Stamp& stamp) {
  std::array<char, 96> text{};
  const int n = std::snprintf(
      text.data(), text.size(), "%llu:%llu:%016llx:%llu", static_cast<unsigned long long>(stamp.id),
      static_cast<unsigned long long>(stamp.generation), static_cast<unsigned long long>(stamp.tag),
      static_cast<unsigned long long>(stamp.inode));
  return {text.data(), static_cast<std::size_t>(n)};
}

std::optional<Stamp> parse_stamp(std::string_view text) {
  const auto id = take_number(text, 10, false);
  if (!id) return std::nullopt;
  const auto generation = take_number(text, 10, false);
  if (!generation) return std::nullopt;
  const auto tag = take_number(text, 16, false);
  if (!tag) return std::nullopt;
  const auto inode = take_number(text, 10, true);
  if (!inode) return std::nullopt;
  return Stamp{*id, *generation, *tag, *inode};
}

std::vector<std::byte> pack_crcs(std::span<const std::uint32_t> crcs) {
  std::vector<std::byte> bytes;
  bytes.reserve(crcs.size() * 4);
  for (const std::uint32_t crc : crcs) {
    for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(crc >> (8 * i)));
  }
  return bytes;
}

std::vector<std::uint32_t> unpack_crcs(std::span<const std::byte> bytes) {
  std::vector<std::uint32_t> crcs(bytes.size() / 4);
  for (std::size_t i = 0; i < crcs.size() * 4; ++i) {
    crcs[i / 4] |= std::to_integer<std::uint32_t>(bytes[i]) << (i % 4 * 8);
  }
  return crcs;
}

Result<ChunkMap> parse_map(const FileRecord& record) {
  if (record.chunk_size == 0) return fail(Errc::corrupt, "a file record has no chunk size");
  auto map = ChunkMap::parse(record.version.size, record.chunk_size, record.map);
  if (!map) return map;
  if (record.crcs.size() != map->chunk_count()) {
    return fail(Errc::corrupt, "a file record has not one checksum for each chunk");
  }
  return map;
}

bool contradicts(const Version& known, const Version& seen) {
  if (known.size != seen.size) return true;
  // Equal strong ETags outweigh times, which differ between mirrors.
  if (!known.etag.empty() && !seen.etag.empty()) return known.etag != seen.etag;
  return known.last_modified && seen.last_modified && *known.last_modified != *seen.last_modified;
}

}  // namespace lazymirror
