// SPDX-License-Identifier: Apache-2.0
#include "engine/space_policy.h"

#include <algorithm>

namespace lazymirror {
namespace {

constexpr std::int64_t kPartialRests = std::int64_t{600} * 1'000'000'000;
constexpr std::uint64_t kMostSlack = 16u << 20;
constexpr std::uint64_t kLargeFile = 64u << 20, kLeastPart = 16u << 20;

// a + b - c, neither below nor above what fits.
std::uint64_t excess(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  const std::uint64_t sum = a + b < a ? UINT64_MAX : a + b;
  return sum > c ? sum - c : 0;
}

}  // namespace

std::uint64_t lacking(const Space& space, std::uint64_t wanted) {
  const std::uint64_t coming = excess(space.promised, wanted, 0);
  const std::uint64_t of_limit = excess(space.stored, coming, space.limit);
  const std::uint64_t of_disk = excess(space.min_free, coming, space.available);
  return std::max(of_limit, of_disk);
}

std::uint64_t room_beside(const Space& space, std::uint64_t kept) {
  const std::uint64_t evictable = excess(space.stored, 0, kept);
  const std::uint64_t of_disk = excess(space.available, evictable, space.min_free);
  return std::min(excess(space.limit, 0, kept), of_disk);
}

std::uint64_t slack(std::uint64_t limit) { return std::min(limit / 64, kMostSlack); }

std::uint64_t first_cache_size(std::uint64_t available, std::uint64_t stored) {
  return excess(available, stored, 0) / 5 * 4;
}

std::optional<std::uint64_t> part_to_give(std::uint64_t bytes, std::uint64_t lacking) {
  const std::uint64_t part = std::max(lacking, kLeastPart);
  if (bytes < kLargeFile || part > bytes / 2) return std::nullopt;
  return part;
}

bool is_at_rest(const Catalog::Stored& file, std::int64_t now_ns) {
  return file.complete || now_ns - file.used_ns > kPartialRests;
}

}  // namespace lazymirror
