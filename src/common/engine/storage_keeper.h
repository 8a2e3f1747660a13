// SPDX-License-Identifier: Apache-2.0
//
// Storage, and the thread ("lm-storage") that makes room for those that wait,
// records last uses, and looks whether others have filled the disk.
//
// Threads: safe from any thread. start() and stop() by the engine.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <thread>

#include "engine/admissions.h"
#include "engine/eviction.h"
#include "engine/storage.h"

namespace lazymirror {

class StorageKeeper final : public Storage {
 public:
  // Settles the size of the cache.
  StorageKeeper(const StorageOptions& options, Cache& cache, const Clock& clock);
  ~StorageKeeper() override { stop(); }

  void start(FileEvictor& files);
  // Nothing is admitted any more, and who waits is told so.
  void stop();

  [[nodiscard]] Admissions& admissions() { return admissions_; }
  // The size and what is to stay free, from now on: too much goes at once.
  void set_limits(const StorageOptions& options);
  // A write found no room, whatever is counted.
  void disk_is_full();
  // Errc::no_space: `missing` bytes of what lies below `roots`, of which `here`
  // bytes are stored, cannot come whatever is evicted. Others may come in between.
  [[nodiscard]] Result<> check_fits(std::uint64_t missing, std::uint64_t here,
                                    std::span<const EntryId> roots);

  // Storage
  Result<> pin(EntryId id) override;
  Result<> unpin(EntryId id) override;
  [[nodiscard]] bool is_pinned(EntryId id) override { return pins_.cover(id); }
  Result<> evict(EntryId id) override;
  Result<Evicted> evict_below(EntryId directory) override;
  [[nodiscard]] StorageUsage usage() override;

 private:
  void run();
  void make_room();
  // How long it took, when it was in vain.
  std::optional<Duration> search(const std::function<std::uint64_t()>& lacks);
  void look_ahead();
  void warn();
  [[nodiscard]] std::uint64_t stored_of(EntryId id);
  [[nodiscard]] std::uint64_t pinned_bytes();
  Result<> evict_children(EntryId directory, std::vector<EntryId>& directories, Evicted& evicted);

  const StorageOptions options_;
  Cache& cache_;
  const Clock& clock_;
  Pins pins_;
  FreeSpace free_;
  Admissions admissions_;
  std::optional<Eviction> eviction_;
  std::atomic<bool> relief_{false};  // the disk is fuller than counted
  struct Pinned {
    std::uint64_t bytes = 0;
    SteadyTime until{};
  };
  Guarded<Pinned> pinned_;
  // Of the thread.
  SteadyTime record_at_{}, ask_at_{}, rest_until_{}, warn_at_{};
  std::thread thread_;
};

}  // namespace lazymirror
