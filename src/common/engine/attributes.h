// SPDX-License-Identifier: Apache-2.0
//
// Catalog entries as front ends see them. Whether a file is complete is asked
// of the cache, but not in vain: in a directory that was first listed during
// this run, only files that were fetched since can be.
//
// Threads: safe from any thread.
#pragma once

#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/guarded.h"
#include "engine/engine.h"

namespace lazymirror {

class Describer {
 public:
  explicit Describer(Cache& cache) : cache_(cache) {}

  void first_listed(EntryId directory);  // all its entries are new
  void fetched(EntryId file);            // bytes of it were asked for

  // Nothing while the kind, or the size of a file, is unknown.
  [[nodiscard]] std::optional<Attributes> attributes(const Entry& entry) const;
  [[nodiscard]] DirectoryView::Item item(const Entry& entry) const;
  // A whole directory: what the catalog holds of it is read at once.
  [[nodiscard]] std::vector<DirectoryView::Item> items(EntryId directory,
                                                       std::span<const Entry> children) const;

 private:
  [[nodiscard]] Attributes describe(const Entry& entry, bool complete) const;
  [[nodiscard]] bool is_complete(const Entry& entry) const;
  [[nodiscard]] bool was_fetched(EntryId file) const;  // during this run

  struct Known {
    std::unordered_set<EntryId> new_directories, fetched_files;
  };
  Cache& cache_;
  Guarded<Known> known_;
};

// All that a front end may be shown of the entry is known.
[[nodiscard]] inline bool is_resolved(const Entry& entry) {
  return entry.kind == EntryKind::directory || (entry.kind == EntryKind::file && entry.size);
}

}  // namespace lazymirror
