// SPDX-License-Identifier: Apache-2.0
#include "contract/engine_tree.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>

#include "base/entry_name.h"
#include "base/errno_map.h"
#include "engine/engine.h"
#include "http/curl_origin.h"

namespace lazymirror::testing {
namespace {

// As a front end does: a name that no file system takes is its own to refuse.
tl::unexpected<int> failed(const Error& error) {
  const bool too_long = error.os_errno == ENAMETOOLONG;
  return tl::unexpected<int>(too_long ? ENAMETOOLONG : to_errno(error.code));
}

// Waits for the completion that `start` is given. Every call of the engine
// must end by its deadline; a minute more is an error of its own.
template <typename T, typename F>
Result<T> await(F&& start) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  std::future<Result<T>> future = promise->get_future();
  start(Completion<T>([promise](Result<T> result) { promise->set_value(std::move(result)); }));
  if (future.wait_for(std::chrono::minutes(1)) != std::future_status::ready) {
    ADD_FAILURE() << "a call of the engine was never completed";
    return fail(Errc::internal, "never completed");
  }
  return future.get();
}

struct Core {
  SystemClock clock;
  std::chrono::milliseconds timeout{};
  std::unique_ptr<Engine> engine;

  [[nodiscard]] RequestContext context() const {
    return {.priority = Priority::demand, .deadline = clock.now() + timeout};
  }
  Result<Attributes> attributes(EntryId id) {
    return await<Attributes>(
        [&](auto done) { engine->attributes(id, context(), std::move(done)); });
  }
};

Attr to_attr(const Attributes& a) {
  return {.ino = a.id,
          .type = a.kind == EntryKind::directory ? mode_t{S_IFDIR} : mode_t{S_IFREG},
          .size = a.size,
          .mtime_ns = a.mtime_ns};
}

class EngineFile final : public OpenFile {
 public:
  EngineFile(std::shared_ptr<Core> core, std::shared_ptr<File> file)
      : core_(std::move(core)), file_(std::move(file)), open_(file_->hold_open()) {}

  Outcome<std::size_t> pread(std::span<std::byte> out, std::uint64_t offset) override {
    for (;;) {
      const Result<std::size_t> got = file_->read(out, offset, false);
      if (got) return *got;
      if (got.error().code != Errc::busy) return failed(got.error());
      const ByteRange range = clipped(offset, out.size(), file_->size());
      const Result<> filled = await<void>(
          [&](auto done) { core_->engine->fill(file_, range, core_->context(), std::move(done)); });
      if (!filled) return failed(filled.error());
    }
  }

  Outcome<Attr> attr() override {
    const auto attributes = core_->attributes(file_->id());
    if (!attributes) return failed(attributes.error());
    Attr attr = to_attr(*attributes);
    attr.size = file_->size();
    return attr;
  }

 private:
  std::shared_ptr<Core> core_;
  std::shared_ptr<File> file_;
  std::shared_ptr<void> open_;
};

// Of commands that are no jobs, at once.
class DoneCommand final : public Command {
 public:
  explicit DoneCommand(Told told) : told_(std::move(told)) {}
  [[nodiscard]] std::uint64_t files_done() override { return told_.files_done; }
  void interrupt() override {}
  [[nodiscard]] Told wait() override { return told_; }

 private:
  const Told told_;
};

class JobCommand final : public Command {
 public:
  JobCommand(std::shared_ptr<Core> core, JobRequest request)
      : core_(std::move(core)), id_(core_->engine->jobs().start(std::move(request), watcher_)) {}

  [[nodiscard]] std::uint64_t files_done() override {
    const std::lock_guard lock(watcher_->mutex);
    return watcher_->told.files_done;
  }
  void interrupt() override { core_->engine->jobs().cancel(id_); }
  [[nodiscard]] Told wait() override {
    std::unique_lock lock(watcher_->mutex);
    watcher_->moved.wait_for(lock, std::chrono::seconds(120), [&] { return watcher_->ended; });
    std::sort(watcher_->told.findings.begin(), watcher_->told.findings.end());
    return watcher_->told;
  }

 private:
  struct Watcher final : JobObserver {
    void on_progress(const JobProgress& progress) override {
      const std::lock_guard lock(mutex);
      told.files_done = progress.files_done;
      told.failed = progress.failed;
    }
    void on_finding(const JobFinding& finding) override {
      const std::lock_guard lock(mutex);
      told.findings.push_back(std::string(finding_name(finding.kind)) + " " + finding.path);
      told.error += finding.error.message + "\n";
    }
    void on_end(const Result<>& result, const JobProgress& progress) override {
      on_progress(progress);
      const std::lock_guard lock(mutex);
      if (!result) told.error += result.error().message;
      const bool cancelled = !result && result.error().code == Errc::cancelled;
      const bool good = result && progress.failed + progress.found == 0;
      told.status = good ? 0 : cancelled ? 128 + SIGINT : 1;
      ended = true;
      moved.notify_all();
    }

    std::mutex mutex;
    std::condition_variable moved;
    Told told;
    bool ended = false;
  };

  const std::shared_ptr<Core> core_;
  const std::shared_ptr<Watcher> watcher_ = std::make_shared<Watcher>();
  const JobId id_;
};

class EngineTree final : public Tree {
 public:
  EngineTree(std::shared_ptr<Core> core, std::string cache)
      : core_(std::move(core)), cache_(std::move(cache)) {}

  Outcome<Attr> stat(const std::string& path) override {
    const auto found = walk(path);
    if (!found) return failed(found.error());
    return to_attr(*found);
  }

  Outcome<std::vector<Name>> list(const std::string& path) override {
    using View = std::shared_ptr<const DirectoryView>;
    const auto found = walk(path);
    if (!found) return failed(found.error());
    const auto view = await<View>(
        [&](auto done) { core_->engine->list(found->id, core_->context(), std::move(done)); });
    if (!view) return failed(view.error());
    std::vector<Name> names{{".", (*view)->id, DT_DIR}, {"..", (*view)->parent, DT_DIR}};
    for (const DirectoryView::Item& item : (*view)->items) {
      names.push_back({item.name, item.id, type_of(item.kind)});
    }
    return names;
  }

  Outcome<std::unique_ptr<OpenFile>> open(const std::string& path) override {
    const auto found = walk(path);
    if (!found) return failed(found.error());
    auto file = core_->engine->open(found->id);
    if (!file) return failed(file.error());
    return std::make_unique<EngineFile>(core_, std::move(*file));
  }

  Outcome<std::string> xattr(const std::string& path, const std::string& name) override {
    const auto found = walk(path);
    if (!found) return failed(found.error());
    const auto status = core_->engine->status(found->id);
    if (!status) return failed(status.error());
    if (name == "user.lazymirror.state") return status->state;
    if (name == "user.lazymirror.cached_bytes") return std::to_string(status->cached_bytes);
    if (name == "user.lazymirror.url") return status->url;
    if (name == "user.lazymirror.etag" && !status->etag.empty()) return status->etag;
    return tl::unexpected<int>(ENODATA);
  }

  [[nodiscard]] std::string directory() const override { return {}; }

  [[nodiscard]] std::unique_ptr<Command> begin(std::vector<std::string> words) override {
    const bool recursive = std::erase(words, "-r") > 0;
    const std::string name = words.front();
    std::vector<std::string> paths;
    for (std::size_t i = 1; i < words.size(); ++i) paths.push_back(words[i].substr(1));
    for (const JobKind kind : {JobKind::fetch, JobKind::refresh, JobKind::verify, JobKind::pin}) {
      if (job_name(kind) != name) continue;
      const bool all = recursive || kind == JobKind::pin;
      return std::make_unique<JobCommand>(core_, JobRequest{kind, std::move(paths), all});
    }
    const Result<> done = act(name, paths.front(), recursive);
    return std::make_unique<DoneCommand>(
        Told{.status = done ? 0 : 1, .findings = {}, .error = done ? "" : done.error().message});
  }
  void with_data_file(const std::string& path,
                      const std::function<void(const std::string&)>& use) override {
    use(cache_ + "/data" + path);
  }

 private:
  Result<> act(const std::string& name, const std::string& path, bool recursive) {
    Engine& engine = *core_->engine;
    if (name == "offline" || name == "online") {
      engine.set_offline(name == "offline");
      return {};
    }
    const auto id = engine.find(path);
    if (!id) return fail(id.error());
    if (name == "unpin") return engine.storage().unpin(*id);
    if (!recursive) return engine.storage().evict(*id);
    const auto evicted = engine.storage().evict_below(*id);
    if (!evicted) return fail(evicted.error());
    if (evicted->busy + evicted->pinned > 0) return fail(Errc::busy, "some stay");
    return {};
  }

  static unsigned char type_of(EntryKind kind) {
    if (kind == EntryKind::unknown) return DT_UNKNOWN;
    return kind == EntryKind::directory ? DT_DIR : DT_REG;
  }

  // As the kernel does: one lookup for each component.
  Result<Attributes> walk(const std::string& path) {
    Result<Attributes> here = core_->attributes(kRootId);
    for (std::size_t at = 1; here && at < path.size();) {
      const std::size_t slash = std::min(path.find('/', at), path.size());
      const std::string name = path.substr(at, slash - at);
      if (here->kind != EntryKind::directory) return fail(Errc::not_a_directory, path);
      if (name.size() > EntryName::kMaxBytes) return fail_errno(ENAMETOOLONG, path);
      here = await<Attributes>([&](auto done) {
        core_->engine->lookup(here->id, name, core_->context(), std::move(done));
      });
      at = slash + 1;
    }
    return here;
  }

  std::shared_ptr<Core> core_;
  const std::string cache_;
};

Result<std::shared_ptr<Core>> make_core(const TreeSettings& settings) {
  const auto url = Url::parse(settings.url);
  if (!url) return fail(url.error());
  auto core = std::make_shared<Core>();
  core->timeout = settings.timeout;
  auto origin =
      make_curl_origin({.base = *url, .user_agent = "contract", .retries = settings.retries});
  if (!origin) return fail(origin.error());
  CacheOptions cache_options;
  cache_options.directory = settings.cache;
  cache_options.url = url->str();
  auto cache = Cache::open(std::move(cache_options), core->clock);
  if (!cache) return fail(cache.error());
  EngineOptions options{.url = *url,
                        .ttl = settings.ttl,
                        .negative_ttl = settings.negative_ttl,
                        .strict_ttl = settings.strict_ttl,
                        .timeout = settings.timeout};
  if (settings.cache_size != 0) options.storage.cache_size = settings.cache_size;
  auto engine = Engine::start(options, std::move(*origin), std::move(*cache), core->clock);
  if (!engine) return fail(engine.error());
  core->engine = std::move(*engine);
  const auto check = core->engine->check_root(settings.timeout);
  if (!check) return fail(check.error());
  return core;
}

}  // namespace

std::unique_ptr<Tree> start_engine_tree(const TreeSettings& settings) {
  auto core = make_core(settings);
  EXPECT_TRUE(core) << (core ? "" : core.error().message);
  if (!core) return nullptr;
  return std::make_unique<EngineTree>(std::move(*core), settings.cache);
}

}  // namespace lazymirror::testing
