// SPDX-License-Identifier: Apache-2.0
#include "fanotify/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "base/log.h"
#include "fanotify/claims.h"
#include "fanotify/evictor.h"
#include "fanotify/known_process.h"
#include "fanotify/lingering_guard.h"
#include "fanotify/pidfd.h"
#include "fanotify/privileges.h"
#include "fanotify/self_test.h"
#include "fanotify/system_calls.h"
#include "fanotify/worker.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kLockPatience{10'000};  // for a worker whose keeper was killed to let go
constexpr Duration kLockInterval{50};
constexpr Duration kGuardPatience{5'000};
constexpr int kAskAgainMs = 20;
constexpr int kAtOnce = 16;  // reads of the group
constexpr Duration kCaretakerPatience{10'000};

// --- the cache ---

// A worker whose keeper was killed holds the lock until its engine has ended.
Result<UniqueFd> lock_when_released(const std::string& directory) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  for (;;) {
    auto lock = lock_cache(directory);
    if (lock || lock.error().code != Errc::busy) return lock;
    const auto claim = look_at_claim(lock_path(directory));
    const bool going = claim && claim->state != ClaimState::held;
    if (!going || std::chrono::steady_clock::now() > deadline) return lock;
    (void)::poll(nullptr, 0, static_cast<int>(kLockInterval.count()));
  }
}

// What is made there belongs to the cache's owner, who is what the worker looks
// like, and the only user whom the work mount knows.
Result<> give_away(const std::string& path, const std::string& directory) {
  struct stat owner {};
  if (::stat(directory.c_str(), &owner) != 0) return fail_errno(errno, "cannot use " + directory);
  if (::lchown(path.c_str(), owner.st_uid, owner.st_gid) == 0) return {};
  return fail_errno(errno, "cannot give away " + path);
}

// Where the worker says that it is there.
Result<> make_meta(const std::string& directory) {
  const std::string path = directory + "/meta";
  if (::mkdir(path.c_str(), 0700) == 0) return give_away(path, directory);
  return errno == EEXIST ? Result<>() : fail_errno(errno, "cannot make " + path);
}

// --- what the kernel can do ---

// Whether reads are told with their range there.
bool tells_ranges(int fd) {
  auto group = Group::create(EventMode::pre_access);
  return group && group->guard_file(fd);
}

EventMode choose_mode(EventChoice choice, int fd) {
  if (choice == EventChoice::pre_access) return EventMode::pre_access;
  if (choice == EventChoice::access_perm) return EventMode::access_perm;
  if (tells_ranges(fd)) return EventMode::pre_access;
  log::warn(
      "fanotify: this kernel tells neither which range is read nor that a file is mapped "
      "(Linux 6.14 does): a file is fetched whole when it is opened");
  return EventMode::access_perm;
}

Result<> report(const SelfTestReport& report) {
  for (const std::string& limit : report.limits) log::warn("fanotify: {}", limit);
  if (report.failures.empty()) return {};
  std::string sentence = "cannot watch in place here";
  for (const std::string& failure : report.failures) sentence += ": " + failure;
  return fail(Errc::unsupported, std::move(sentence));
}

Result<> try_kernel(const std::string& directory, EventMode mode) {
  const std::string scratch = directory + "/meta/self-test";
  std::error_code ignored;
  std::filesystem::remove_all(scratch, ignored);
  if (::mkdir(scratch.c_str(), 0700) != 0) return fail_errno(errno, "cannot make " + scratch);
  const auto tested = self_test(scratch, mode);
  std::filesystem::remove_all(scratch, ignored);
  if (!tested) return fail(tested.error());
  return report(*tested);
}

// --- an earlier run ---

// Our marks are in force, so the readers it holds are not let go unguarded. Its
// group ends only when nobody waits for ours who is known to both: those are
// denied meanwhile.
bool end_guard(const Claimant& guard, Group& ours) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto kill_at = now() + kGuardPatience, until = kill_at + kGuardPatience;
  pollfd ended{guard.pidfd.get(), POLLIN, 0};
  while (now() < until) {
    signal_pidfd(guard.pidfd, now() < kill_at ? SIGTERM : SIGKILL);
    if (::poll(&ended, 1, kAskAgainMs) == 1) return true;
    for (int i = 0; i < kAtOnce && deny_queued(ours); ++i) {
    }
  }
  return false;
}

Result<> relieve(const Claim& guard, Group& ours) {
  if (guard.state == ClaimState::free) return {};
  if (guard.state == ClaimState::held) {
    log::info("fanotify: relieving the guard of an earlier run (process {})", guard.claimant.pid);
    if (end_guard(guard.claimant, ours)) return {};
  }
  return fail(Errc::busy, "the guard of an earlier run does not end");
}

}  // namespace

Mechanism mechanism_of(EventMode mode, EventChoice choice) {
  const bool ranges = mode == EventMode::pre_access;
  if (choice != EventChoice::automatic) {
    return {ranges ? "pre-access" : "access-perm", "asked for"};
  }
  if (ranges) return {"pre-access", "the kernel tells which range is read"};
  return {"access-perm", "this kernel does not tell which range is read (Linux 6.14 does)"};
}

// --- the parts of a run ---

Result<> Run::prepare() {
  if (auto r = check_place(options_.cache_directory, options_.shared_filesystem); !r) return r;
  return take_over() ? Result<>() : prepare_first();
}

Result<> Run::prepare_first() {
  const std::string& directory = options_.cache_directory;
  (void)end_all(Role::caretaker, directory, kCaretakerPatience);  // or everybody waits for it
  auto lock = lock_when_released(directory);
  if (!lock) return fail(lock.error());
  lock_ = std::move(*lock);
  if (auto r = give_away(lock_path(directory), directory); !r) return r;
  if (auto r = make_meta(directory); !r) return r;
  if (auto r = View::clear_leftovers({directory, options_.shown_at}); !r) return r;
  if (auto r = guard(); !r) return r;
  return make_work_mount();
}

OpenRule Run::choose_rule(EventMode mode) const {
  const bool whole = options_.fill_on_open || mode == EventMode::access_perm;
  if (whole) return {OpenRule::kNoLimit};
  return open_rule(options_.cache_directory, options_.fill_on_open_limit);
}

// From here on the keeper must not open any file of the cache's file system: it
// would wait for itself.
Result<> Run::guard() {
  const auto earlier = look_at_claim(guard_path(options_.cache_directory));
  if (!earlier) return fail(earlier.error());
  const EventMode mode = choose_mode(options_.events, lock_.get());
  opens_ = choose_rule(mode);
  mechanism_ = mechanism_of(mode, options_.events);
  // A guard refuses what the test reads; it stands there because its own run
  // has passed the test on this very kernel.
  if (earlier->state == ClaimState::free) {
    if (auto r = try_kernel(options_.cache_directory, mode); !r) return r;
  }
  auto group = Group::create(mode);
  if (!group) return fail(group.error());
  group_.emplace(std::move(*group));
  if (!options_.shared_filesystem) {
    if (auto r = group_->guard_filesystem(lock_.get(), opens_.asks()); !r) return r;
  }
  if (auto r = Group::settle(lock_.get()); !r) return r;
  return relieve(*earlier, *group_);
}

Result<> Run::make_work_mount() {
  const SystemUser user = worker_user();
  auto mount = WorkMount::create(options_.cache_directory, *group_, {user.uid, user.gid});
  if (!mount) return fail(mount.error());
  mount_.emplace(std::move(*mount));
  return choose_worker();
}

Result<> Run::choose_worker() {
  const SystemUser user = worker_user();
  place_ = {&*mount_, &*group_, options_.cache_directory, user.uid, user.gid, options_.kept};
  place_.kept.push_back(lock_.get());
  place_.asks_opens = opens_.asks();
  if (mount_->is_idmapped()) {
    log::info("fanotify: the worker runs as the user {}, without capabilities", user.name);
    return {};
  }
  struct stat owner {};
  if (::fstat(lock_.get(), &owner) != 0) return fail_errno(errno, "cannot look at the cache");
  place_.uid = owner.st_uid;
  place_.gid = owner.st_gid;
  log::warn(
      "fanotify: this file system cannot map users; the worker runs as the cache's owner "
      "(uid {}), without capabilities",
      owner.st_uid);
  return {};
}

WorkerBody Run::worker_body() const {
  WorkerOptions options;
  options.opens = opens_;
  options.inode_guards = options_.shared_filesystem;
  options.max_traps = options_.max_traps;
  options.timeout = options_.timeout;
  options.threads = options_.threads;
  return [this, options](const WorkerInside& inside) -> Result<WorkerEnd> {
    // The worker's own copy, closed with the engine; the object of the keeper
    // that has the same number is never destroyed here.
    auto lock = std::make_shared<const UniqueFd>(lock_.get());
    auto engine =
        parts_.make_engine(inside.first, std::move(lock),
                           [files = inside.files](int file) { return files->open(file); });
    if (!engine) return fail(engine.error());
    Evictor evictor(**engine, inside.group, options.inode_guards);
    std::shared_ptr<void> companion;
    if (parts_.companion) {
      auto started = parts_.companion(**engine, evictor, mechanism_);
      if (!started) return fail(started.error());
      companion = std::move(*started);
    }
    WorkerOptions own = options;
    own.first = inside.first;
    own.holds = inside.holds;
    return serve(own, **engine, inside.group, inside.channel, inside.trap_ends);
  };
}

Result<std::unique_ptr<Traps>> Run::show() {
  if (heir_) return enter();
  auto view = View::show({options_.cache_directory, options_.shown_at});
  if (!view) return fail(view.error());
  view_.emplace(std::move(*view));
  relieve_lingering_guards(options_.cache_directory);
  std::vector<UniqueFd> roots = view_->roots();
  for (const UniqueFd& root : roots) {
    if (auto r = group_->watch_directories_of_mount(root.get(), opens_.asks()); !r)
      return fail(r.error());
  }
  if (options_.max_traps == 0 || roots.empty()) return std::unique_ptr<Traps>();
  auto traps = Traps::create(std::move(roots.front()), view_->path());
  if (traps) {
    set_up(**traps);
    return traps;
  }
  if (traps.error().code != Errc::unsupported) return traps;
  log::warn("fanotify: {}; directories are listed ahead instead", traps.error().message);
  return std::unique_ptr<Traps>();
}

void Run::set_up(Traps& traps) {
  if (!options_.shown_at.empty()) traps.also_shown_at(options_.shown_at);
  traps.on_bound(
      [this](int mount) { return group_->watch_directories_of_mount(mount, opens_.asks()); });
}

Result<> Run::open() {
  view_->open_door();
  return parts_.ready ? parts_.ready() : Result<>();
}

KeeperParts Run::keeper_parts() {
  KeeperParts parts;
  parts.start_worker = [this](bool first, const TrapHandles& traps) {
    return WorkerProcess::start(place_, body_, first, traps);
  };
  parts.show = [this] { return show(); };
  parts.open = [this] { return open(); };
  parts.hide = [this] {
    if (view_) view_->hide();
  };
  parts.beat = parts_.beat;
  if (!hangup_counts_) {
    parts.hangup = [this] {
      if (parts_.hangup) parts_.hangup();
    };
  }
  parts.max_traps = options_.max_traps;
  parts.may_leave = parts_.succession.keep != nullptr;
  return parts;
}

Result<WatchEnd> Run::serve_until_stopped(UniqueFd signals) {
  signals_ = std::move(signals);
  body_ = worker_body();
  if (auto r = confine_keeper(); !r) return fail(r.error());
  if (auto r = refuse_system_calls_of_keeper(); !r) return fail(r.error());
  if (parts_.succession.keep) occupy_first_numbers(first_numbers_);
  KeeperTimes times;
  times.timeout = options_.timeout;
  Keeper keeper(*group_, UniqueFd(::fcntl(signals_.get(), F_DUPFD_CLOEXEC, 0)), times,
                keeper_parts());
  if (auto r = hand_to(keeper); !r) return fail(r.error());
  auto end = keeper.run();
  if (heir_) return end_unentered(keeper, end);
  if (keeper.has_left()) return leave(keeper);
  leave_guard_if_needed();
  return end ? Result<WatchEnd>(WatchEnd::over) : fail(end.error());
}

void Run::leave_guard_if_needed() {
  if (auto left = leave_guard(*group_, options_.cache_directory); !left) {
    log::error("fanotify: files that are still open are not guarded: {}", left.error().message);
  }
}

}  // namespace lazymirror::fanotify
