// SPDX-License-Identifier: Apache-2.0
//
// What users have pinned: the catalog's pins, at hand. A pinned directory
// covers all below it, also what appears there later.
//
// Threads: safe from any thread.
#pragma once

#include <unordered_set>

#include "base/guarded.h"
#include "cache/cache.h"

namespace lazymirror {

class Pins {
 public:
  explicit Pins(Cache& cache);

  Result<> pin(EntryId id);
  Result<> unpin(EntryId id);
  [[nodiscard]] bool cover(EntryId id) const;
  [[nodiscard]] bool any() const {
    return pinned_.with([](const auto& ids) { return !ids.empty(); });
  }

 private:
  [[nodiscard]] bool has(EntryId id) const {
    return pinned_.with([&](const auto& ids) { return ids.contains(id); });
  }

  Cache& cache_;
  Guarded<std::unordered_set<EntryId>> pinned_;
};

}  // namespace lazymirror
