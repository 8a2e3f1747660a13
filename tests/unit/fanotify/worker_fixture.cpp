// SPDX-License-Identifier: Apache-2.0
#include "unit/fanotify/worker_fixture.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>

#include "base/file_io.h"
#include "support/private_mounts.h"
#include "support/skip.h"

namespace lazymirror::testing {
namespace {

const auto* const environment = ::testing::AddGlobalTestEnvironment(new PrivateMounts());

}  // namespace

WorkerTest::WorkerTest() {
  options.max_traps = 100;
  options.timeout = Duration(60'000);
}

WorkerTest::~WorkerTest() {
  web->release();
  stop();
}

void WorkerTest::SetUp() {
  // Before any thread: the thread sanitizer does not see how libspdlog, which is
  // not built for it, guards its first use.
  (void)spdlog::default_logger_raw();
  LM_REQUIRE(SmallFs::available(), "needs root for mounting");
  fs_ = std::make_unique<SmallFs>(GetParam(), std::uint64_t{1} << 30);
}

void WorkerTest::open_group() {
  auto created = fanotify::Group::create(mode);
  ASSERT_TRUE(created) << created.error().message;
  group.emplace(std::move(*created));
  const auto fd = open_fd(AT_FDCWD, fs_->path(), O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(fd);
  const auto ignored = group->ignore_mount(fd->get());
  ASSERT_TRUE(ignored) << ignored.error().message;
  if (mode == fanotify::EventMode::access_perm) {
    options.opens.fill_up_to = fanotify::OpenRule::kNoLimit;
  }
  options.opens.reserves = GetParam() == SmallFs::Kind::ext4;
  const bool opens = options.opens.asks();
  if (!opens) {
    auto own = fanotify::OpenHolds::make_group(fd->get());
    ASSERT_TRUE(own) << own.error().message;
    auto holds = fanotify::OpenHolds::start(std::move(*own));
    ASSERT_TRUE(holds) << holds.error().message;
    options.holds = std::move(*holds);
  }
  if (!options.inode_guards) {
    const auto guarded = group->guard_filesystem(fd->get(), opens);
    LM_REQUIRE(guarded, "needs Linux 6.14: " + guarded.error().message);
  }
  const auto shown = open_fd(AT_FDCWD, view_, O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(shown);
  ASSERT_TRUE(group->watch_directories_of_mount(shown->get(), opens));
}

void WorkerTest::start() {
  prepare();
  if (HasFatalFailure() || IsSkipped()) return;
  start_worker();
  ASSERT_TRUE(keeper->wait_until_ready());
}

void WorkerTest::prepare() {
  CacheOptions cache_options;
  cache_options.directory = fs_->path() + "/cache";
  cache_options.url = engine_options.url.str();
  cache_options.commit_interval = Duration(100);
  cache_options.in_place = true;
  auto cache = Cache::open(cache_options, clock);
  ASSERT_TRUE(cache) << cache.error().message;
  view_ = places_.make_dir("view");
  ASSERT_EQ(::mount((fs_->path() + "/cache/data").c_str(), view_.c_str(), nullptr, MS_BIND, ""), 0);
  open_group();
  if (HasFatalFailure() || IsSkipped()) return;
  auto started = Engine::start(engine_options, FakeWeb::origin(web), std::move(*cache), clock);
  ASSERT_TRUE(started) << started.error().message;
  engine = std::move(*started);
}

void WorkerTest::start_worker() {
  auto ends = fanotify::Channel::make_pair();
  ASSERT_TRUE(ends);
  channel_.emplace(std::move(ends->second));
  std::promise<Result<fanotify::WorkerEnd>> end;
  end_ = end.get_future();
  worker_ = std::thread([this, end = std::move(end)]() mutable {
    end.set_value(fanotify::serve(options, *engine, *group, *channel_, trap_ends_));
  });
  if (keeper == nullptr) {
    keeper = std::make_unique<TestKeeper>(*group, std::move(ends->first));
  } else {
    keeper->connect(std::move(ends->first));
  }
}

Result<fanotify::WorkerEnd> WorkerTest::worker_end() {
  if (end_.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
    ADD_FAILURE() << "the worker does not end";
    return fail(Errc::timeout, "the worker does not end");
  }
  worker_.join();
  channel_.reset();
  return end_.get();
}

void WorkerTest::stop() {
  if (worker_.joinable()) {
    keeper->hang_up();
    (void)worker_end();
  }
  keeper.reset();
  engine.reset();
  group.reset();
  if (!view_.empty()) ::umount2(view_.c_str(), MNT_DETACH);
  view_.clear();
}

std::string WorkerTest::view(const std::string& path) const {
  return path.empty() ? view_ : view_ + '/' + path;
}

std::string WorkerTest::through(const std::string& path) const {
  return fs_->path() + "/cache/data/" + path;
}

UniqueFd WorkerTest::open_quietly(const std::string& path, int flags) const {
  auto fd = open_fd(AT_FDCWD, through(path), flags);
  EXPECT_TRUE(fd) << fd.error().message;
  return fd ? std::move(*fd) : UniqueFd();
}

std::vector<std::string> WorkerTest::names_in_view(const std::string& path) const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(view(path))) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

EntryId WorkerTest::id(const std::string& path) const {
  const auto found = engine->find(path);
  EXPECT_TRUE(found) << found.error().message;
  return found ? *found : 0;
}

std::size_t WorkerTest::events() {
  return keeper->look([](const auto& said) { return said.events; });
}

bool WorkerTest::has_trap(const std::string& path) {
  return keeper->look([&](const auto& said) {
    return std::any_of(said.traps.begin(), said.traps.end(),
                       [&](const auto& trap) { return trap.second == path; });
  });
}

// poll(2) says so when a quarter is full.
bool WorkerTest::waits_for_the_keeper() const {
  int unread = 0, room = 0;
  socklen_t size = sizeof room;
  return ::ioctl(channel_->fd(), SIOCOUTQ, &unread) == 0 &&
         ::getsockopt(channel_->fd(), SOL_SOCKET, SO_SNDBUF, &room, &size) == 0 && unread >= room;
}

}  // namespace lazymirror::testing
