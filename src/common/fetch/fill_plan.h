// SPDX-License-Identifier: Apache-2.0
//
// What to ask for, given what is missing and what is under way. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/byte_range.h"

namespace lazymirror {

// A waiter this far beyond the place that a transfer has reached does not wait
// for it: the bytes asked for are fetched besides (and arrive twice at worst).
inline constexpr std::uint64_t kFarAhead = 2u << 20;

// Long runs are cut at multiples of this, which caches on the way like to keep
// files in (docs/scaling.md).
inline constexpr std::uint64_t kSlice = 1u << 20;

// A run of missing bytes and the one request that would serve it
// (FillTarget::request_for).
struct Need {
  ByteRange missing;
  ByteRange request;
  // Ranges cannot be had, or are not worth it: asked for in one piece.
  [[nodiscard]] bool widened() const { return request != missing; }
};

struct FillPlan {
  std::vector<ByteRange> start;         // new requests
  std::vector<std::size_t> depends_on;  // indices into `pending`, ascending
};

// A request is at most an eighth longer than `max_request`: a small rest is not
// worth one of its own. `pending`: what each transfer under way has not delivered yet. `urgent`:
// somebody waits for the first byte of the first need now.
[[nodiscard]] FillPlan plan_fill(std::span<const Need> needs, std::span<const ByteRange> pending,
                                 std::uint64_t max_request, bool urgent);

}  // namespace lazymirror
