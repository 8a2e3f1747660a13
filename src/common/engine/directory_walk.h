// SPDX-License-Identifier: Apache-2.0
//
// A job's way through directories that are in the catalog, in the order of
// fetch/crawl_order.h.
//
// Threads: of the job thread.
#pragma once

#include <vector>

#include "cache/catalog.h"
#include "fetch/crawl_order.h"

namespace lazymirror {

class DirectoryWalk final : private CrawlOrder::Tree {
 public:
  DirectoryWalk(const Catalog& catalog, bool recursive)
      : catalog_(catalog), order_(*this, recursive) {}

  [[nodiscard]] CrawlOrder& order() { return order_; }
  // The next one that has been listed, of all below the roots, none under way.
  [[nodiscard]] std::optional<EntryId> next_listed() {
    while (const auto directory = order_.next()) {
      const auto state = catalog_.directory(*directory);
      const bool listed = state && state->listed;
      if (listed && order_.listed(*directory)) return directory;
      if (!listed) order_.left_out(*directory);
    }
    return std::nullopt;
  }

 private:
  std::vector<EntryId> subdirectories(EntryId directory, EntryId after,
                                      std::size_t limit) override {
    auto found = catalog_.directories_after(directory, after, limit);
    return found ? std::move(*found) : std::vector<EntryId>{};
  }

  const Catalog& catalog_;
  CrawlOrder order_;
};

}  // namespace lazymirror
