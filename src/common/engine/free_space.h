// SPDX-License-Identifier: Apache-2.0
//
// What the cache's file system has left, measured seldom while it is plenty.
//
// File systems show what was given back late: XFS after a moment, btrfs with its
// next transaction. Until then it is counted as available, or everything would
// be given back in vain.
//
// Threads: safe from any thread; its lock is a leaf.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/guarded.h"
#include "cache/cache.h"

namespace lazymirror {

class FreeSpace {
 public:
  FreeSpace(const Cache& cache, const Clock& clock);

  // Bytes. Exact, but for what is said above, when less than `plenty`.
  // UINT64_MAX where the file system does not tell.
  [[nodiscard]] std::uint64_t available(std::uint64_t plenty);
  [[nodiscard]] std::uint64_t total() const;
  // Before files are given back, and how much it was after.
  void note_giving();
  void note_given(std::uint64_t bytes);

 private:
  struct State {
    SteadyTime measured{};
    std::uint64_t available = 0;
    std::uint64_t before = 0;  // available and stored together, before something was given back
    std::uint64_t given = 0;   // since then
    SteadyTime given_at{};
  };
  [[nodiscard]] std::uint64_t settle(State& state, SteadyTime now, std::uint64_t measured) const;

  const Cache& cache_;
  const Clock& clock_;
  const Duration shown_after_;
  Guarded<State> state_;
};

}  // namespace lazymirror
