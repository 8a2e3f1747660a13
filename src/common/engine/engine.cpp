// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "engine/directory_loader.h"
#include "engine/engine_jobs.h"
#include "engine/file_ahead.h"
#include "engine/files.h"
#include "engine/in_place_tree.h"
#include "engine/listing_ahead.h"
#include "engine/mounted_files.h"
#include "engine/parts.h"
#include "engine/prober.h"
#include "engine/reporter.h"
#include "engine/root_check.h"
#include "engine/tree.h"

namespace lazymirror {
namespace {

constexpr std::size_t kViewItems = 50'000;
constexpr std::size_t kKeptFiles = 256;
constexpr unsigned kPoolThreads = 2;  // parsing beside storing; the catalog has one writer

// Members are in the order of their dependence. The end is in the destructor.
class EngineImpl final : public Engine {
 public:
  EngineImpl(EngineOptions options, std::unique_ptr<Origin> origin, std::unique_ptr<Cache> cache,
             const Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        cache_(std::move(cache)),
        queue_(origin->capacity()),
        uplink_(std::move(origin), queue_, meter_),
        reporter_(*cache_, urls_, meter_, uplink_, queue_, clock_) {
    if (options_.offline) uplink_.set_offline(true);
    timers_.emplace();
    pool_.emplace("lm-engine", kPoolThreads);
    parts_.emplace(Parts{options_, ttls_, clock_, *cache_, *timers_, *pool_, queue_, uplink_, urls_,
                         changes_, storage_});
    loader_.emplace(*parts_);
    prober_.emplace(*parts_);
    files_.emplace(*parts_, open_files_, describer_, *prober_);
    file_ahead_.emplace(*parts_, describer_, *files_, *loader_);
    listing_ahead_.emplace(*parts_, *loader_);
    tree_.emplace(*parts_, describer_, views_, *loader_, *prober_, *listing_ahead_);
    if (cache_->path_in_place(kRootId)) {
      populator_.emplace(*parts_, *tree_, *loader_, *prober_);
      in_place_.emplace(*cache_, *populator_, *files_, open_files_, *listing_ahead_);
    }
    storage_.start(in_place_ ? static_cast<FileEvictor&>(*in_place_) : mounted_files_);
    jobs_.emplace(*parts_, *tree_, *loader_, *prober_, *files_, populator_ ? &*populator_ : nullptr,
                  in_place_ ? &*in_place_ : nullptr);
  }

  // 1. Nobody waits any more and nothing new is started. 2. What is under way
  // ends; its last words go to the pool. 3. The pool does what it was given.
  // 4. No timer rings. Only then do the parts go that all these call.
  ~EngineImpl() override {
    jobs_->stop();
    listing_ahead_->stop();
    file_ahead_->stop();
    if (populator_) populator_->stop();
    loader_->stop();
    prober_->stop();
    files_->stop();
    storage_.stop();
    uplink_.close();
    pool_.reset();
    timers_.reset();
    changes_.set_listener(nullptr);
    open_files_.clear();
  }

  void set_listener(ChangeListener* listener) override { changes_.set_listener(listener); }

  Result<StartCheck> check_root(Duration timeout) override {
    return lazymirror::check_root(*parts_, *loader_, timeout);
  }

  void refresh(EntryId id, RequestContext context, Completion<> done) override {
    tree_->refresh(id, context, std::move(done));
  }
  void set_offline(bool offline) override { uplink_.set_offline(offline); }
  [[nodiscard]] bool offline() const override { return uplink_.is_offline(); }
  Result<> set_proxy(const std::string& list) override { return uplink_.set_proxy(list); }
  void set_bandwidth_limit(std::uint64_t limit) override { uplink_.set_bandwidth_limit(limit); }
  void set_ttls(Duration ttl, Duration negative) override { ttls_.set(ttl, negative); }
  void set_limits(const StorageOptions& limits) override { storage_.set_limits(limits); }

  void lookup(EntryId directory, std::string_view name, RequestContext context,
              Completion<Attributes> done) override {
    tree_->lookup(directory, name, context, std::move(done));
  }
  void attributes(EntryId id, RequestContext context, Completion<Attributes> done) override {
    tree_->attributes(id, context, std::move(done));
  }
  void list(EntryId directory, RequestContext context,
            Completion<std::shared_ptr<const DirectoryView>> done) override {
    tree_->list(directory, context, std::move(done));
  }

  [[nodiscard]] Result<EntryId> find(std::string_view path) override { return tree_->find(path); }

  Result<std::shared_ptr<File>> open(EntryId id) override {
    auto file = files_->open(id);
    if (!file) return fail(std::move(file.error()));
    file_ahead_->used(**file);
    return std::shared_ptr<File>(std::move(*file));
  }
  WaiterId fill(const std::shared_ptr<File>& file, ByteRange range, RequestContext context,
                Completion<> done) override {
    return files_->fill(file, range, context, std::move(done));
  }
  void cancel(WaiterId id) override { files_->cancel(id); }
  void abandon(const std::shared_ptr<File>& file) override { files_->abandon(file); }
  void read_uncached(const std::shared_ptr<File>& file, ByteRange range, RequestContext context,
                     Completion<std::vector<std::byte>> done) override {
    files_->read_uncached(file, range, context, std::move(done));
  }

  [[nodiscard]] Storage& storage() override { return storage_; }
  [[nodiscard]] InPlace* in_place() override { return in_place_ ? &*in_place_ : nullptr; }
  [[nodiscard]] std::vector<Lane> lanes() override;
  [[nodiscard]] Jobs& jobs() override { return *jobs_; }
  Result<FileStatus> status(EntryId id) override { return reporter_.status(id); }
  [[nodiscard]] EngineReport report() override;
  [[nodiscard]] Result<EntryReport> describe(EntryId id) override;
  [[nodiscard]] Result<std::vector<NameStatus>> names(EntryId directory) override;
  Result<EngineUsage> usage() override;

 private:
  const EngineOptions options_;
  Ttls ttls_{options_.ttl, options_.negative_ttl};
  const Clock& clock_;
  const std::unique_ptr<Cache> cache_;
  TransferQueue queue_;
  Meter meter_{options_.url, clock_};
  Uplink uplink_;
  const TreeUrls urls_{options_.url, cache_->catalog()};
  Reporter reporter_;
  Describer describer_{*cache_};
  ViewCache views_{kViewItems};
  OpenFiles open_files_{kKeptFiles};
  Changes changes_{describer_, views_, open_files_};
  MountedFiles mounted_files_{*cache_, open_files_, changes_};
  StorageKeeper storage_{options_.storage, *cache_, clock_};
  std::optional<TimerQueue> timers_;
  std::optional<WorkerPool> pool_;
  std::optional<Parts> parts_;
  std::optional<DirectoryLoader> loader_;
  std::optional<Prober> prober_;
  std::optional<Files> files_;
  std::optional<FileAhead> file_ahead_;
  std::optional<ListingAhead> listing_ahead_;
  std::optional<Tree> tree_;
  std::optional<Populator> populator_;  // in place only, as is the next
  std::optional<InPlaceTree> in_place_;
  std::optional<EngineJobs> jobs_;
};

std::vector<Lane> EngineImpl::lanes() {
  std::vector<Lane> lanes{pool_->lane(), timers_->lane()};
  if (auto network = uplink_.lane()) lanes.push_back(std::move(*network));
  if (populator_) lanes.push_back(populator_->lane());
  return lanes;
}

EngineReport EngineImpl::report() {
  EngineReport report = reporter_.report(*files_);
  report.storage = storage_.usage();
  report.jobs = jobs_->running();
  return report;
}

Result<EntryReport> EngineImpl::describe(EntryId id) {
  auto entry = reporter_.describe(id);
  if (entry) entry->status.pinned = storage_.is_pinned(id);
  return entry;
}

Result<std::vector<NameStatus>> EngineImpl::names(EntryId directory) {
  auto names = reporter_.names(directory);
  if (!names) return names;
  for (NameStatus& name : *names) name.pinned = storage_.is_pinned(name.id);
  return names;
}

Result<EngineUsage> EngineImpl::usage() {
  struct statvfs fs {};
  if (::fstatvfs(cache_->data_fd(), &fs) != 0) return fail_errno(errno, "statvfs of the cache");
  const auto entries = cache_->catalog().entry_count();
  if (!entries) return fail(entries.error());
  const std::uint64_t unit = fs.f_frsize;
  const std::uint64_t limit = storage_.admissions().limits().cache_size;
  const std::uint64_t left = limit - std::min(limit, cache_->stored_bytes());
  return EngineUsage{*entries, std::min(limit, fs.f_blocks * unit),
                     std::min(left, fs.f_bfree * unit), std::min(left, fs.f_bavail * unit)};
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::start(EngineOptions options, std::unique_ptr<Origin> origin,
                                              std::unique_ptr<Cache> cache, const Clock& clock) {
  return std::make_unique<EngineImpl>(std::move(options), std::move(origin), std::move(cache),
                                      clock);
}

}  // namespace lazymirror
