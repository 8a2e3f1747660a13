// SPDX-License-Identifier: Apache-2.0
#include "engine/storage_keeper.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/units.h"
#include "base/worker_pool.h"

namespace lazymirror {
namespace {

constexpr Duration kRecordUses{30'000};
constexpr Duration kWarnAgain{60'000};

// A search in vain is not repeated for twenty times as long as it took, and not
// for the sake of the disk alone before a minute has passed.
constexpr Duration kLeastRest{200}, kMostRest{10'000}, kDiskRest{60'000};
constexpr int kRestFactor = 20;
// A file whose bytes are all there may be filled for a moment more, and many
// moments more while there is much to do.
constexpr Duration kPatience{1'000}, kMoment{20};

// After a write that failed: so much is given back, or nothing stored for so long.
constexpr std::uint64_t kRelief = 4u << 20;
constexpr Duration kClosed{2'000};

std::uint64_t settle_size(const StorageOptions& options, Cache& cache, FreeSpace& free) {
  if (options.cache_size) return *options.cache_size;
  if (const auto known = cache.catalog().cache_size(); known && *known) return **known;
  const std::uint64_t available = free.available(UINT64_MAX);
  if (available == UINT64_MAX) return available;
  const std::uint64_t size = first_cache_size(available, cache.stored_bytes());
  if (auto r = cache.set_cache_size(size); !r) {
    log::warn("engine: the size of the cache is not remembered: {}", r.error().message);
  }
  return size;
}

std::uint64_t floor_of(const StorageOptions& options, const FreeSpace& free) {
  const double share = static_cast<double>(free.total()) * options.min_free_percent / 100;
  return std::max(options.min_free_bytes, static_cast<std::uint64_t>(share));
}

Duration since(SteadyTime then, SteadyTime now) {
  return std::chrono::duration_cast<Duration>(now - then);
}

}  // namespace

StorageKeeper::StorageKeeper(const StorageOptions& options, Cache& cache, const Clock& clock)
    : options_(options),
      cache_(cache),
      clock_(clock),
      pins_(cache),
      free_(cache, clock),
      admissions_(cache, free_, {settle_size(options, cache, free_), floor_of(options, free_)},
                  clock) {
  const auto limits = admissions_.limits();
  log::info("engine: the cache holds {} of at most {}; {} of the file system stay free",
            format_size(cache.stored_bytes()), format_size(limits.cache_size),
            format_size(limits.min_free));
}

void StorageKeeper::start(FileEvictor& files) {
  eviction_.emplace(cache_, pins_, files, free_, clock_);
  thread_ = std::thread([this] {
    name_this_thread("lm-storage");
    run();
  });
}

void StorageKeeper::stop() {
  if (eviction_) eviction_->stop();
  admissions_.stop();
  if (!thread_.joinable()) return;
  thread_.join();
  if (auto r = cache_.record_uses(); !r) log::warn("engine: {}", r.error().message);
}

void StorageKeeper::set_limits(const StorageOptions& options) {
  admissions_.set_limits({settle_size(options, cache_, free_), floor_of(options, free_)});
  admissions_.reopen();
  admissions_.nudge();
}

void StorageKeeper::disk_is_full() {
  admissions_.close(kClosed);
  relief_ = true;
  admissions_.nudge();
}

// --- the thread ---

void StorageKeeper::run() {
  while (admissions_.wait(clock_.now() + options_.look_interval)) {
    make_room();
    look_ahead();
    const SteadyTime now = clock_.now();
    if (now < record_at_) continue;
    record_at_ = now + kRecordUses;
    if (auto r = cache_.record_uses(); !r) log::warn("engine: {}", r.error().message);
  }
}

void StorageKeeper::make_room() {
  const bool waited_for = admissions_.has_waiters();
  const bool relief = relief_.exchange(false);
  if (!waited_for && !relief && clock_.now() < rest_until_) return;
  const std::uint64_t before = eviction_->bytes();
  const std::uint64_t extra = waited_for ? slack(admissions_.limits().cache_size) : 0;
  const auto lacks = [&]() -> std::uint64_t {
    const std::uint64_t relieved = eviction_->bytes() - before;
    if (relief && relieved < kRelief) return kRelief - relieved;
    // Who waits is served as soon as there is room, and not when all is done.
    if (waited_for) admissions_.serve();
    return std::max(admissions_.lacking(), admissions_.lacking_for(extra));
  };
  if (lacks() == 0) return;
  const std::uint64_t last = admissions_.last_waiter();  // later ones are another search's
  const auto in_vain = search(lacks);
  if (relief && eviction_->bytes() > before) admissions_.reopen();
  if (!in_vain) return admissions_.serve();
  rest_until_ = clock_.now() + kDiskRest;
  const std::uint64_t refused = admissions_.refused();
  admissions_.refuse(last, std::clamp(kRestFactor * *in_vain, kLeastRest, kMostRest));
  if (admissions_.refused() > refused) warn();
}

// Files that are being filled are passed over, and may go as soon as they are not.
std::optional<Duration> StorageKeeper::search(const std::function<std::uint64_t()>& lacks) {
  const SteadyTime until = clock_.now() + kPatience;
  for (;;) {
    const bool filling = cache_.is_written_to();
    const SteadyTime began = clock_.now();
    if (eviction_->run(lacks)) return std::nullopt;
    const SteadyTime now = clock_.now();
    const bool again = filling && admissions_.has_waiters() && now < until;
    if (!again || !admissions_.pause(kMoment)) return since(began, now);
  }
}

// Before it comes to it, so that what is used until then is told.
void StorageKeeper::look_ahead() {
  const SteadyTime now = clock_.now();
  if (now < ask_at_) return;
  ask_at_ = now + options_.look_interval;
  const std::uint64_t soon = admissions_.limits().cache_size / 8;
  if (admissions_.lacking_for(soon) > 0) eviction_->ask_again(soon);
}

void StorageKeeper::warn() {
  const SteadyTime now = clock_.now();
  if (now < warn_at_) return;
  warn_at_ = now + kWarnAgain;
  log::warn(
      "engine: the cache is full, and what is in it is pinned or in use; what is read is "
      "not kept");
}

Result<> StorageKeeper::check_fits(std::uint64_t missing, std::uint64_t here,
                                   std::span<const EntryId> roots) {
  const std::uint64_t pinned = pins_.any() ? pins_.bytes_outside(roots) : 0;
  const auto& limits = admissions_.limits();
  const std::uint64_t available = free_.available(UINT64_MAX);
  const Space space{limits.cache_size, cache_.stored_bytes(), 0, available, limits.min_free};
  const std::uint64_t room = room_beside(space, here + pinned);
  if (missing <= room) return {};
  const bool by_limit = room + here + pinned >= limits.cache_size;
  std::string why = "it does not fit: " + format_size(missing) +
                    " are missing, and there is room for " + format_size(room) + " at most: ";
  why += by_limit ? "the cache may hold " + format_size(limits.cache_size) + " (--cache-size)"
                  : format_size(available) + " are free on its disk, of which " +
                        format_size(limits.min_free) + " stay free (--min-free-space)";
  if (pinned > 0) why += ", and " + format_size(pinned) + " of other things are pinned";
  return fail(Errc::no_space, why);
}

// --- Storage ---

Result<> StorageKeeper::pin(EntryId id) {
  pinned_.with([](Pinned& pinned) { pinned.until = {}; });
  return pins_.pin(id);
}

Result<> StorageKeeper::unpin(EntryId id) {
  auto unpinned = pins_.unpin(id);
  pinned_.with([](Pinned& pinned) { pinned.until = {}; });
  admissions_.reopen();
  return unpinned;
}

std::uint64_t StorageKeeper::stored_of(EntryId id) {
  const auto file = cache_.file(id);
  return file ? (*file)->present_bytes() : 0;
}

Result<> StorageKeeper::evict(EntryId id) {
  const std::uint64_t bytes = stored_of(id);
  auto evicted = eviction_->evict(id, bytes);
  if (evicted) admissions_.reopen();
  return evicted;
}

Result<Storage::Evicted> StorageKeeper::evict_below(EntryId directory) {
  Evicted evicted;
  std::vector<EntryId> directories{directory};
  while (!directories.empty()) {
    const EntryId next = directories.back();
    directories.pop_back();
    if (auto r = evict_children(next, directories, evicted); !r) return fail(r.error());
  }
  return evicted;
}

Result<> StorageKeeper::evict_children(EntryId directory, std::vector<EntryId>& directories,
                                       Evicted& evicted) {
  constexpr std::size_t kPage = 256;
  for (EntryId after = 0;;) {
    const auto page = cache_.catalog().children_after(directory, after, kPage);
    if (!page) return fail(page.error());
    for (const Entry& entry : *page) {
      after = entry.id;
      if (entry.kind == EntryKind::directory) directories.push_back(entry.id);
      if (entry.kind != EntryKind::file) continue;
      const std::uint64_t bytes = stored_of(entry.id);
      if (bytes == 0) continue;
      if (is_pinned(entry.id)) {
        ++evicted.pinned;
        continue;
      }
      const auto gone = evict(entry.id);
      evicted.busy += gone ? 0 : 1;
      evicted.files += gone ? 1 : 0;
      evicted.bytes += gone ? bytes : 0;
    }
    if (page->size() < kPage) return {};
  }
}

// Counted anew when what it cost is small against what has passed.
std::uint64_t StorageKeeper::pinned_bytes() {
  if (!pins_.any()) return 0;
  const SteadyTime began = clock_.now();
  const auto known = pinned_.with([&](const Pinned& pinned) {
    return began < pinned.until ? std::optional(pinned.bytes) : std::nullopt;
  });
  if (known) return *known;
  const std::uint64_t bytes = cache_.catalog().pinned_bytes().value_or(0);
  const SteadyTime now = clock_.now();
  pinned_.with([&](Pinned& pinned) { pinned = {bytes, now + 100 * (now - began)}; });
  return bytes;
}

StorageUsage StorageKeeper::usage() {
  StorageUsage usage;
  usage.limit = admissions_.limits().cache_size;
  usage.stored = cache_.stored_bytes();
  usage.promised = admissions_.promised();
  usage.pinned = pinned_bytes();
  usage.min_free = admissions_.limits().min_free;
  usage.available = free_.available(0);
  usage.evicted_files = eviction_ ? eviction_->files() : 0;
  usage.evicted_bytes = eviction_ ? eviction_->bytes() : 0;
  usage.admitted = admissions_.admitted();
  usage.refused = admissions_.refused();
  return usage;
}

}  // namespace lazymirror
