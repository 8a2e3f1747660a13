// SPDX-License-Identifier: Apache-2.0
//
// An engine without origin and cache: a small tree in memory whose files have
// the oracle's bytes, in real files so that the kernel can read them by
// itself. Tests decide when a fill ends and what changes.
//
// Threads: as Engine promises. Completions of fills come on a thread of its
// own, as the real engine's do.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/timer_queue.h"
#include "base/worker_pool.h"
#include "engine/engine.h"

namespace lazymirror::testing {

class FakeFile;

class NoStorage final : public Storage {
 public:
  Result<> pin(EntryId) override { return {}; }
  Result<> unpin(EntryId) override { return {}; }
  bool is_pinned(EntryId) override { return false; }
  Result<> evict(EntryId) override { return {}; }
  Result<Evicted> evict_below(EntryId) override { return Evicted{}; }
  StorageUsage usage() override { return {}; }
};

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(std::string directory);  // where the data files go
  ~FakeEngine() override;

  enum class Size { known, unknown };
  void add_directory(const std::string& path);
  void add_file(const std::string& path, std::uint64_t size, bool complete,
                Size size_known = Size::known);
  // A complete file with the contents of a local one.
  void add_copy(const std::string& path, const std::string& of);

  // What tests ask for by path; false when there is no such file.
  bool hold(const std::string& path);    // fills of it wait from now on
  bool unhold(const std::string& path);  // and go on
  bool refuse(const std::string& path);  // its fills end in no_space
  bool complete(const std::string& path);
  bool change(const std::string& path);  // another version: other bytes
  bool remove(const std::string& path);
  bool wait_for_waiters(std::size_t count);  // that hang in fill() or lookup()
  bool wait_for_cancels(std::size_t count);
  [[nodiscard]] std::size_t opens();

  void set_listener(ChangeListener* listener) override;
  Result<StartCheck> check_root(Duration) override { return StartCheck{}; }
  void refresh(EntryId, RequestContext, Completion<> done) override { done({}); }
  void set_offline(bool) override {}
  [[nodiscard]] bool offline() const override { return false; }
  Result<> set_proxy(const std::string&) override { return {}; }
  void set_bandwidth_limit(std::uint64_t) override {}
  void set_ttls(Duration, Duration) override {}
  void set_limits(const StorageOptions&) override {}
  void lookup(EntryId directory, std::string_view name, RequestContext context,
              Completion<Attributes> done) override;
  void attributes(EntryId id, RequestContext context, Completion<Attributes> done) override;
  void list(EntryId directory, RequestContext context,
            Completion<std::shared_ptr<const DirectoryView>> done) override;
  [[nodiscard]] Result<EntryId> find(std::string_view path) override;
  Result<std::shared_ptr<File>> open(EntryId id) override;
  WaiterId fill(const std::shared_ptr<File>& file, ByteRange range, RequestContext context,
                Completion<> done) override;
  void cancel(WaiterId id) override;
  void abandon(const std::shared_ptr<File>&) override {}
  void read_uncached(const std::shared_ptr<File>& file, ByteRange range, RequestContext context,
                     Completion<std::vector<std::byte>> done) override;
  [[nodiscard]] Storage& storage() override { return storage_; }
  [[nodiscard]] InPlace* in_place() override { return nullptr; }
  [[nodiscard]] Jobs& jobs() override { return jobs_; }
  Result<FileStatus> status(EntryId id) override;
  Result<EngineUsage> usage() override;
  [[nodiscard]] EngineReport report() override { return {}; }
  [[nodiscard]] Result<EntryReport> describe(EntryId) override { return EntryReport{}; }
  [[nodiscard]] Result<std::vector<NameStatus>> names(EntryId) override {
    return std::vector<NameStatus>{};
  }

 private:
  NoStorage storage_;
  struct Node {
    EntryId id = 0, parent = 0;
    std::string name, path;
    EntryKind kind = EntryKind::file;
    std::shared_ptr<FakeFile> file;  // the current generation
    bool held = false, no_space = false, size_known = true;
    std::int64_t mtime_ns = 1'600'000'000'123'456'789;
  };
  struct Waiting {
    EntryId entry = 0;
    std::function<void(Result<>)> done;
  };
  Node* node_at(const std::string& path);
  Node& add(const std::string& path, EntryKind kind);
  Attributes attributes_of(const Node& node);
  template <typename F>
  bool with_node(const std::string& path, F change);
  void finish(std::vector<Waiting> waiting, const Result<>& result);
  std::vector<Waiting> take_waiting(EntryId entry);

  const std::string directory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<EntryId, Node> nodes_;
  EntryId next_id_ = kRootId;
  WaiterId next_waiter_ = 1;
  std::map<WaiterId, Waiting> waiting_;
  std::size_t cancels_ = 0, opens_ = 0;
  ChangeListener* listener_ = nullptr;
  struct NoJobs final : Jobs {
    JobId start(JobRequest, std::shared_ptr<JobObserver>) override { return 1; }
    void cancel(JobId) override {}
    [[nodiscard]] std::vector<Running> running() const override { return {}; }
  };
  NoJobs jobs_;
  WorkerPool worker_{"fake-engine", 1};
};

}  // namespace lazymirror::testing
