// SPDX-License-Identifier: Apache-2.0
//
// InPlace over the cache: what its functions are is in in_place.h and
// cache/cache.h.
//
// Threads: safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"
#include "engine/file_evictor.h"
#include "engine/files.h"
#include "engine/in_place.h"
#include "engine/open_files.h"
#include "engine/populator.h"

namespace lazymirror {

class InPlaceTree final : public InPlace, public FileEvictor {
 public:
  InPlaceTree(Cache& cache, Populator& populator, Files& files, OpenFiles& open_files,
              ListingAhead& ahead)
      : cache_(cache),
        populator_(populator),
        files_(files),
        open_files_(open_files),
        ahead_(ahead) {}

  void set_observer(std::shared_ptr<PlacementObserver> observer) override {
    populator_.set_observer(std::move(observer));
  }
  void populate(EntryId directory, RequestContext context, Completion<PlacementPtr> done) override {
    populator_.populate(directory, context, std::move(done));
  }
  void visited(EntryId directory) override { ahead_.visited(directory); }
  Result<> place_known() override { return populator_.place_known(); }
  [[nodiscard]] Duration fresh_for(EntryId directory) override {
    return populator_.fresh_for(directory);
  }
  [[nodiscard]] Result<std::optional<Identity>> identify(int fd) override {
    return cache_.identify(fd);
  }
  [[nodiscard]] Result<UniqueFd> open(EntryId id, int flags) override {
    return cache_.open_in_place(id, flags);
  }
  [[nodiscard]] Result<std::string> path(EntryId id) override { return cache_.path_in_place(id); }
  void if_complete(EntryId id, UniqueFunction<void()> mark) override;
  Result<> evict(EntryId id) override;
  Result<std::uint64_t> evict_tail(EntryId id, std::uint64_t bytes) override;
  void ask_again(EntryId id) override;
  [[nodiscard]] bool asks_again() const override { return true; }
  Result<> forget(CachedFile& file, std::span<const ByteRange> ranges) override;
  Result<> reserve(EntryId id) override { return cache_.reserve(id); }
  Result<> release(EntryId id) override { return cache_.release(id, populator_.observer()); }
  [[nodiscard]] std::vector<EntryId> reserved() override { return cache_.reserved(); }
  [[nodiscard]] bool can_poison() const override { return cache_.can_poison(); }

 private:
  static constexpr int kEvicting = -1;
  template <typename F>
  auto give(EntryId id, F&& f) -> decltype(f());

  Cache& cache_;
  Populator& populator_;
  Files& files_;
  OpenFiles& open_files_;
  ListingAhead& ahead_;
  // Complete files that are being marked, and how often; kEvicting for those
  // that are about to lose their bytes.
  Guarded<std::unordered_map<EntryId, int>> held_;
};

}  // namespace lazymirror
