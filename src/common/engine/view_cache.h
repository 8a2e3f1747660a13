// SPDX-License-Identifier: Apache-2.0
//
// The listings that were read last, so that one readdir stream, which asks for
// a listing many times, does not read the catalog each time. Least recently
// used first out, bounded by the number of items.
//
// Single entries that changed are noted and brought up to date when the listing
// is next read; a listing whose names changed is dropped.
//
// Threads: safe from any thread.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace lazymirror {

class ViewCache {
 public:
  using View = std::shared_ptr<const DirectoryView>;
  using Token = std::uint64_t;

  explicit ViewCache(std::size_t max_items) : max_items_(max_items) {}

  struct Found {
    View view;
    std::int64_t fresh_until_ns = 0;
    std::vector<EntryId> outdated;  // to be brought up to date by the caller, who then calls put()
    Token token = 0;
  };
  [[nodiscard]] std::optional<Found> find(EntryId directory);

  // To be called before the catalog is read for a view, so that put() does not
  // keep one which has been overtaken.
  [[nodiscard]] Token begin(EntryId directory);
  void put(View view, std::int64_t fresh_until_ns, Token token);

  void outdate(EntryId directory, EntryId entry);
  void set_fresh_until(EntryId directory, std::int64_t fresh_until_ns);
  void drop(EntryId directory);

 private:
  struct Slot {
    View view;  // none while it is being made
    std::int64_t fresh_until_ns = 0;
    Token token = 0;
    std::vector<EntryId> outdated;
    std::list<EntryId>::iterator place;
  };
  using Slots = std::unordered_map<EntryId, Slot>;

  void erase(Slots::iterator slot);
  void use(Slot& slot);
  [[nodiscard]] static std::size_t weight(const Slot& slot);
  void shrink(EntryId keep);

  const std::size_t max_items_;
  std::mutex mutex_;
  Slots slots_;
  std::list<EntryId> recent_;  // most recently used first
  std::size_t items_ = 0;
  Token next_token_ = 1;
};

}  // namespace lazymirror
