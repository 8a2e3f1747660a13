// SPDX-License-Identifier: Apache-2.0
//
// How much the cache may hold, and what goes when it is too much.
//
// Bytes are admitted before they are fetched: either there is room, or files
// that nobody uses give theirs back, or the fetch ends in Errc::no_space. So
// the cache holds no more than its size, but for what its file system needs for
// names and maps.
//
// Threads: safe from any thread. Local disk work, but for what is said.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "cache/entry.h"

namespace lazymirror {

struct StorageOptions {
  // Nothing: settled when the cache is first used, and remembered (kFirstShare
  // of what the file system then has).
  std::optional<std::uint64_t> cache_size;
  // What stays available to others on the file system: the larger of both.
  std::uint64_t min_free_bytes = 0;
  double min_free_percent = 0;
  // How often it is looked whether others have taken that.
  Duration look_interval{5'000};
};

struct StorageUsage {
  std::uint64_t limit = 0;     // bytes that may be stored
  std::uint64_t stored = 0;    // in whole blocks
  std::uint64_t promised = 0;  // admitted, and not stored yet
  std::uint64_t pinned = 0;    // of what is stored; may be some seconds old
  std::uint64_t min_free = 0;
  std::uint64_t available = 0;  // of the file system
  // Since the start.
  std::uint64_t evicted_files = 0, evicted_bytes = 0;
  std::uint64_t admitted = 0, refused = 0;  // requests
};

class Storage {
 public:
  virtual ~Storage() = default;

  // Keeps the file, or all that is and will be below the directory, from being
  // evicted, until unpin(); also over restarts. Fetches nothing. Pinned bytes
  // count. Errc::not_found.
  virtual Result<> pin(EntryId id) = 0;
  // Errc::not_found: not pinned itself. What lies below a pinned directory
  // stays pinned by that.
  virtual Result<> unpin(EntryId id) = 0;
  [[nodiscard]] virtual bool is_pinned(EntryId id) = 0;  // itself, or what it lies in

  // Gives the bytes of a file back. Errc::busy: it is open, being filled, or
  // pinned; nothing is changed then. Errc::is_a_directory.
  virtual Result<> evict(EntryId id) = 0;
  // The same for all files below a directory; those that are busy or pinned stay.
  struct Evicted {
    std::uint64_t files = 0, bytes = 0, busy = 0, pinned = 0;
  };
  virtual Result<Evicted> evict_below(EntryId directory) = 0;

  [[nodiscard]] virtual StorageUsage usage() = 0;
};

}  // namespace lazymirror
