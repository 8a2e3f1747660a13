// SPDX-License-Identifier: Apache-2.0
//
// Gives files back until there is room, the longest unused first, in two
// rounds: files at rest (is_at_rest()), then all. Pinned files and those in use
// are passed over; they count as used just now, so that the next run does not
// come upon them again.
//
// Order and last uses are the catalog's (an index), read a page at a time: what
// a run costs does not depend on how much is cached.
//
// Threads: run() by one thread at a time; the rest from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <unordered_map>
#include <vector>

#include "engine/file_evictor.h"
#include "engine/free_space.h"
#include "engine/pins.h"
#include "engine/space_policy.h"

namespace lazymirror {

class Eviction {
 public:
  Eviction(Cache& cache, const Pins& pins, FileEvictor& files, FreeSpace& free, const Clock& clock)
      : cache_(cache), pins_(pins), files_(files), free_(free), clock_(clock) {}

  // As long as `lacking` says that bytes are. False: nothing is left that could
  // go.
  bool run(const std::function<std::uint64_t()>& lacking);
  // One file of so many bytes, if it may go. Errc::busy.
  Result<> evict(EntryId id, std::uint64_t bytes);
  // Has uses of those files told that are among the next to go, as far as they
  // make up `bytes`; a part of them at a time.
  void ask_again(std::uint64_t bytes);
  void stop() { stopping_ = true; }

  [[nodiscard]] std::uint64_t files() const { return evicted_files_; }
  [[nodiscard]] std::uint64_t bytes() const { return evicted_bytes_; }

 private:
  enum class Round { at_rest, all };
  bool run(Round round, const std::function<std::uint64_t()>& lacking);
  Result<> give(const Catalog::Stored& file, std::uint64_t lacking);

  Cache& cache_;
  const Pins& pins_;
  FileEvictor& files_;
  FreeSpace& free_;
  const Clock& clock_;
  std::atomic<bool> stopping_{false};
  // Files that are asked for again, and their last use then. Of the thread.
  std::unordered_map<EntryId, std::int64_t> asked_;
  std::atomic<std::uint64_t> evicted_files_{0}, evicted_bytes_{0};
};

}  // namespace lazymirror
