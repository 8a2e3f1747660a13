// SPDX-License-Identifier: Apache-2.0
//
// A cache that passes every call on to another one, for tests to change what
// they are about.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cache/cache.h"

namespace lazymirror::testing {

class CacheAround : public Cache {
 public:
  explicit CacheAround(std::unique_ptr<Cache> real) : real_(std::move(real)) {}

  const Catalog& catalog() const override { return real_->catalog(); }
  Result<ListingDiff> store_listing(EntryId directory, std::span<const ListedEntry> entries,
                                    std::int64_t fresh_until_ns,
                                    const ListingValidator& validator) override {
    return real_->store_listing(directory, entries, fresh_until_ns, validator);
  }
  Result<> set_fresh_until(EntryId directory, std::int64_t fresh_until_ns) override {
    return real_->set_fresh_until(directory, fresh_until_ns);
  }
  Result<Entry> record_file(EntryId id, const Version& seen) override {
    return real_->record_file(id, seen);
  }
  Result<Entry> supersede(EntryId id, std::uint64_t generation, const Version& seen) override {
    return real_->supersede(id, generation, seen);
  }
  Result<Entry> record_directory(EntryId id) override { return real_->record_directory(id); }
  Result<std::shared_ptr<CachedFile>> file(EntryId id) override { return real_->file(id); }
  Result<Placement> place(EntryId directory, ObserverPtr observer) override {
    return real_->place(directory, std::move(observer));
  }
  Result<bool> is_placed(EntryId directory) override { return real_->is_placed(directory); }
  Result<std::optional<Identity>> identify(int fd) override { return real_->identify(fd); }
  Result<UniqueFd> open_in_place(EntryId id, int flags) override {
    return real_->open_in_place(id, flags);
  }
  Result<std::string> path_in_place(EntryId id) override { return real_->path_in_place(id); }
  std::uint64_t stored_bytes() const override { return real_->stored_bytes(); }
  bool is_written_to() const override { return real_->is_written_to(); }
  Result<> record_uses() override { return real_->record_uses(); }
  Result<> record_uses(std::span<const Catalog::Use> uses) override {
    return real_->record_uses(uses);
  }
  Result<> evict(EntryId id, ObserverPtr observer) override {
    return real_->evict(id, std::move(observer));
  }
  Result<std::uint64_t> evict_tail(EntryId id, std::uint64_t bytes, ObserverPtr o) override {
    return real_->evict_tail(id, bytes, std::move(o));
  }
  Result<> renew(EntryId id) override { return real_->renew(id); }
  Result<> pin(EntryId id) override { return real_->pin(id); }
  Result<> unpin(EntryId id) override { return real_->unpin(id); }
  Result<> set_cache_size(std::uint64_t bytes) override { return real_->set_cache_size(bytes); }
  Result<> reserve(EntryId id) override { return real_->reserve(id); }
  Result<> release(EntryId id, ObserverPtr observer) override {
    return real_->release(id, std::move(observer));
  }
  std::vector<EntryId> reserved() override { return real_->reserved(); }
  std::uint64_t reserved_bytes() override { return real_->reserved_bytes(); }
  bool can_poison() const override { return real_->can_poison(); }
  Result<> flush() override { return real_->flush(); }
  const std::vector<std::string>& notices() const override { return real_->notices(); }
  int data_fd() const override { return real_->data_fd(); }

 private:
  std::unique_ptr<Cache> real_;
};

}  // namespace lazymirror::testing
