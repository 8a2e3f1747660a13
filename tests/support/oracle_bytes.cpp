// SPDX-License-Identifier: Apache-2.0
//
// The truth behind the oracle origin: words of 8 bytes, each a mix of (path,
// version) and the word's number, with the lowest bit of every byte set so
// that none is 0. Pure; needs no product code, so that both cannot be wrong in
// the same way.
#include <algorithm>
#include <array>
#include <cstring>

#include "support/oracle_origin.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kNoZeroByte = 0x0101'0101'0101'0101;

// The finalizer of splitmix64 (Steele, Lea, Flood: "Fast splittable
// pseudorandom number generators", 2014).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27U)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31U);
}

std::uint64_t seed_of(const std::string& path, std::uint64_t version) {
  std::uint64_t seed = mix(version + 0x9e37'79b9'7f4a'7c15);
  for (const char c : path) seed = mix(seed ^ static_cast<unsigned char>(c));
  return seed;
}

std::uint64_t word_at(std::uint64_t seed, std::uint64_t index) {
  return mix(seed + index * 0x9e37'79b9'7f4a'7c15) | kNoZeroByte;
}

}  // namespace

void oracle_fill(const std::string& path, std::uint64_t version, std::uint64_t offset,
                 std::span<std::byte> out) {
  const std::uint64_t seed = seed_of(path, version);
  std::size_t done = 0;
  while (done < out.size()) {
    if (std::uint64_t index = (offset + done) / 8; (offset + done) % 8 == 0) {
      for (; out.size() - done >= 8; done += 8) {  // the fast path: whole words
        const std::uint64_t word = word_at(seed, index++);
        std::memcpy(out.data() + done, &word, 8);
      }
      if (done == out.size()) break;
    }
    const std::uint64_t at = offset + done;
    const std::uint64_t word = word_at(seed, at / 8);
    const std::size_t skip = at % 8;
    const std::size_t take = std::min<std::size_t>(8 - skip, out.size() - done);
    std::memcpy(out.data() + done, reinterpret_cast<const std::byte*>(&word) + skip, take);
    done += take;
  }
}

std::byte oracle_byte(const std::string& path, std::uint64_t version, std::uint64_t offset) {
  std::byte byte{};
  oracle_fill(path, version, offset, {&byte, 1});
  return byte;
}

std::optional<std::size_t> oracle_mismatch(const std::string& path, std::uint64_t version,
                                           std::uint64_t offset, std::span<const std::byte> bytes) {
  std::array<std::byte, 65536> truth;
  for (std::size_t done = 0; done < bytes.size();) {
    const auto part = bytes.subspan(done, std::min(truth.size(), bytes.size() - done));
    const std::span<std::byte> want(truth.data(), part.size());
    oracle_fill(path, version, offset + done, want);
    const auto [here, there] = std::mismatch(part.begin(), part.end(), want.begin());
    if (here != part.end()) return done + static_cast<std::size_t>(here - part.begin());
    done += part.size();
  }
  return std::nullopt;
}

}  // namespace lazymirror::testing
