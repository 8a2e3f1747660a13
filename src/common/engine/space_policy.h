// SPDX-License-Identifier: Apache-2.0
//
// The arithmetic of the quota. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "cache/catalog.h"

namespace lazymirror {

struct Space {
  std::uint64_t limit = 0;      // of what may be stored
  std::uint64_t stored = 0;     // what is
  std::uint64_t promised = 0;   // what is on its way
  std::uint64_t available = 0;  // of the file system
  std::uint64_t min_free = 0;   // what is to stay available
};

// How many bytes have to go before `wanted` more may come; 0: none.
[[nodiscard]] std::uint64_t lacking(const Space& space, std::uint64_t wanted);

// How many bytes fit besides `kept`, which stay, when all else is evicted.
[[nodiscard]] std::uint64_t room_beside(const Space& space, std::uint64_t kept);

// What is given back beyond what is needed just now, so that not every request
// has to wait for that.
[[nodiscard]] std::uint64_t slack(std::uint64_t limit);

// The size of a cache for which none was given.
[[nodiscard]] std::uint64_t first_cache_size(std::uint64_t available, std::uint64_t stored);

// How much of a file of so many bytes goes, when `lacking` are needed: nothing
// says "all of it".
[[nodiscard]] std::optional<std::uint64_t> part_to_give(std::uint64_t bytes, std::uint64_t lacking);

// Whether a file, the longest unused of those left, goes in the first round,
// which is for files that nobody is at: of one that is not complete somebody
// may read on.
[[nodiscard]] bool is_at_rest(const Catalog::Stored& file, std::int64_t now_ns);

}  // namespace lazymirror
