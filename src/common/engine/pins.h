// SPDX-License-Identifier: Apache-2.0
//
// What users have pinned: the catalog's pins, at hand. A pinned directory
// covers all below it, also what appears there later.
//
// Threads: safe from any thread.
#pragma once

#include <span>
#include <unordered_set>
#include <vector>

#include "base/guarded.h"
#include "cache/cache.h"

namespace lazymirror {

class Pins {
 public:
  explicit Pins(Cache& cache);

  Result<> pin(EntryId id);
  Result<> unpin(EntryId id);
  [[nodiscard]] bool cover(EntryId id) const;
  // Of what is pinned and does not lie below `roots`.
  [[nodiscard]] std::uint64_t bytes_outside(std::span<const EntryId> roots) const;
  [[nodiscard]] bool any() const {
    return pinned_.with([](const auto& ids) { return !ids.empty(); });
  }

 private:
  [[nodiscard]] std::uint64_t bytes_of(const std::unordered_set<EntryId>& pinned,
                                       const std::unordered_set<EntryId>& without) const;
  [[nodiscard]] std::uint64_t bytes_of_file(EntryId id) const;
  void add_directories(EntryId directory, std::vector<EntryId>& out) const;
  [[nodiscard]] bool has(EntryId id) const {
    return pinned_.with([&](const auto& ids) { return ids.contains(id); });
  }

  Cache& cache_;
  Guarded<std::unordered_set<EntryId>> pinned_;
};

}  // namespace lazymirror
