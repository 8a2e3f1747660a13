// SPDX-License-Identifier: Apache-2.0
//
// A watch as a service that is restarted: the manager keeps the line to what one
// keeper leaves for the next, and who reads does not notice. Whatever goes wrong
// in between ends in errors, in time, and never in another byte.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "fanotify/caretaker.h"
#include "integration/watch/watch.h"
#include "support/descriptor_store.h"

namespace lazymirror::testing {
namespace {

using std::chrono::seconds;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kSize = 9'000'001;
constexpr seconds kLimit(60);

// What stands in a directory of /proc, as far as it can be read: processes end.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory) {
  std::error_code gone;
  std::vector<std::filesystem::path> entries;
  std::filesystem::directory_iterator at(directory, gone);
  for (; !gone && at != std::filesystem::directory_iterator(); at.increment(gone)) {
    entries.push_back(at->path());
  }
  return entries;
}

// The process that stands between two keepers of a cache, known by a memfd that it
// holds. Tests beside this one have theirs.
pid_t caretaker_of(const std::string& cache) {
  struct stat st {};
  if (::stat(cache.c_str(), &st) != 0) return -1;
  const std::string memfd = "/memfd:lazymirror-caretaker-" + std::to_string(st.st_dev) + "-" +
                            std::to_string(st.st_ino) + " (deleted)";
  for (const auto& process : entries_of("/proc")) {
    const std::string name = process.filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    for (const auto& fd : entries_of(process / "fd")) {
      std::error_code closed;
      if (std::filesystem::read_symlink(fd, closed) == memfd) return std::stoi(name);
    }
  }
  return -1;
}

class ARestart : public OnEachFs {
 protected:
  ARestart() {
    for (const char* path :
         {"/d/stalled", "/d/mapped", "/d/late", "/d/known", "/deep/er/file", "/cold/file"}) {
      origin.put(path, {.size = kSize});
    }
  }

  // As systemd starts it, with what there is from the last time.
  std::unique_ptr<Daemon> begin(std::vector<std::string> options = {}, std::string shown_at = "") {
    environment = manager.environment();
    const std::vector<UniqueFd> kept = manager.descriptors();
    for (const UniqueFd& fd : kept) descriptors.push_back(fd.get());
    auto daemon = start(std::move(options), std::move(shown_at));
    environment.clear();
    descriptors.clear();
    return daemon;
  }
  std::unique_ptr<Daemon> service(std::vector<std::string> options = {},
                                  std::string shown_at = "") {
    auto daemon = begin(std::move(options), std::move(shown_at));
    EXPECT_TRUE(manager.has_heard("READY=1", ++starts_)) << daemon->log();
    return daemon;
  }

  // After a kill, when a first start may fail; systemd tries again as well.
  std::unique_ptr<Daemon> served() {
    const auto before = manager.count("READY=1");
    auto daemon = begin();
    EXPECT_TRUE(eventually(
        [&] {
          if (manager.count("READY=1") > before) return true;
          if (daemon->wait(std::chrono::milliseconds(0))) {
            daemon->leave_it_as_it_is();
            daemon = begin();
          }
          return false;
        },
        kLimit));
    return daemon;
  }

  // As `systemctl restart` stops it.
  void stop_for_restart(Daemon& daemon) {
    ASSERT_EQ(::kill(daemon.pid(), SIGUSR1), 0);
    ASSERT_EQ(daemon.terminate(), 0) << daemon.log();
    daemon.leave_it_as_it_is();
    ASSERT_THAT(manager.names(), ElementsAre("caretaker"));
    ASSERT_TRUE(mount_at(at("")));
  }

  // 0, the first error, or -2 for a wrong byte.
  [[nodiscard]] int read_all(const std::string& path) const {
    const UniqueFd fd(::open(at(path).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return errno;
    std::vector<std::byte> bytes(150'000);
    std::uint64_t offset = 0;
    for (ssize_t n = 1; n > 0; offset += static_cast<std::uint64_t>(n)) {
      n = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0) return errno;
      const std::span<const std::byte> got(bytes.data(), static_cast<std::size_t>(n));
      if (oracle_mismatch(path, 1, offset, got)) return -2;
    }
    return offset == kSize ? 0 : -2;
  }
  Caught reading(const std::string& path) {
    return Caught([this, path] { return read_all(path); });
  }
  Caught listing(const std::string& path) {
    return Caught([this, path] { return list_error(at(path)); });
  }
  // The page faults of a mapping; its first page is there.
  Caught touching(const std::string& path) {
    return Caught([this, path] {
      const UniqueFd fd(::open(at(path).c_str(), O_RDONLY | O_CLOEXEC));
      void* const map = ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE, fd.get(), 0);
      if (map == MAP_FAILED) return errno;
      const auto wrong = oracle_mismatch(path, 1, 0, {static_cast<const std::byte*>(map), kSize});
      ::munmap(map, kSize);
      return wrong ? -2 : 0;
    });
  }
  static void expect_wait(const Caught& caught) {
    EXPECT_TRUE(eventually([&] { return caught.waits(); }));
  }
  Caught stalled_reader() {
    origin.inject("/d/stalled", {.fault = Fault::stall_in_body, .value = 300'000, .times = 0});
    auto reader = reading("/d/stalled");
    EXPECT_TRUE(eventually([&] { return origin.body_bytes("/d/stalled") > 0; }));
    expect_wait(reader);
    return reader;
  }

  // The next keeper, which has asked; before it is ready its worker waits for the origin,
  // if what the keeper before has listed is old.
  std::unique_ptr<Daemon> begin_to_hang() {
    origin.forget_requests();
    origin.inject("/", {.fault = Fault::stall_before_head, .times = 0});
    auto next = begin({"--strict-ttl", "--timeout=2min"});
    EXPECT_TRUE(origin.wait_for_requests("/", 1, 60'000)) << next->log();
    return next;
  }
  static void expect_failure(Daemon& daemon) {
    const auto status = daemon.wait(kLimit);
    EXPECT_TRUE(status && *status != 0) << daemon.log();
    daemon.leave_it_as_it_is();
  }

  [[nodiscard]] pid_t caretaker() const { return caretaker_of(cache); }
  void expect_no_caretaker() {
    EXPECT_TRUE(eventually([&] { return caretaker() == -1; }, kLimit));
  }

  // Nobody is there any more, and the next start serves.
  void expect_nothing_left() {
    EXPECT_TRUE(wait_for_mount(at(""), false, kLimit));
    expect_no_caretaker();
    EXPECT_TRUE(eventually([&] { return manager.names().empty(); }, kLimit));
  }
  void expect_a_start_to_serve() {
    origin.clear_faults();
    const auto after = service();
    EXPECT_TRUE(eventually([&] { return read_all("/d/stalled") == 0; }, kLimit)) << after->log();
    EXPECT_EQ(read_all("/d/late"), 0);
    EXPECT_EQ(after->terminate(), 0);
    EXPECT_FALSE(mount_at(at("")));
  }

  DescriptorStore manager;

 private:
  std::size_t starts_ = 0;
};
INSTANTIATE_TEST_SUITE_P(All, ARestart, ::testing::ValuesIn(each_way()), fs_name);

// One has read a part and waits, one waits for its mapping, one walks into a
// directory that is not listed yet; others come while nobody is there.
TEST_P(ARestart, LosesNobodyWhoWaits) {
  auto before = service({"--timeout=5min"});
  ASSERT_TRUE(is_right("/d/known", kSize));
  origin.inject("/d/mapped", {.fault = Fault::stall_in_body, .value = 300'000, .times = 0});
  origin.inject("/deep/er/", {.fault = Fault::stall_before_head, .times = 0});
  auto reader = stalled_reader();
  auto mapped = touching("/d/mapped");
  auto walker = reading("/deep/er/file");
  expect_wait(mapped);
  expect_wait(walker);
  stop_for_restart(*before);

  auto newcomer = reading("/d/late");
  auto lister = listing("/cold");
  expect_wait(newcomer);
  EXPECT_TRUE(is_right("/d/known", kSize));
  origin.clear_faults();
  const auto after = service({"--timeout=5min"});
  EXPECT_EQ(reader.error(kLimit), 0);
  EXPECT_EQ(mapped.error(kLimit), 0);
  EXPECT_EQ(walker.error(kLimit), 0);
  EXPECT_EQ(newcomer.error(kLimit), 0);
  EXPECT_EQ(lister.error(kLimit), 0);
  EXPECT_TRUE(is_right("/cold/file", kSize));
  EXPECT_TRUE(eventually([&] { return manager.names().empty(); }, kLimit));
  expect_no_caretaker();
}

TEST_P(ARestart, IsFollowedByAStopThatLeavesNothing) {
  auto service_now = service();
  for (int i = 0; i < 3; ++i) {
    stop_for_restart(*service_now);
    service_now = service();
  }
  EXPECT_TRUE(is_right("/deep/er/file", kSize));
  EXPECT_EQ(service_now->terminate(), 0);
  EXPECT_FALSE(mount_at(at("")));
  EXPECT_THAT(mounts_below(at("")), IsEmpty());
  expect_no_caretaker();
  service_now.reset();
  const auto by_hand = watched();
  EXPECT_TRUE(is_right("/d/late", kSize));
}

// LAZYMIRROR_RESTARTS=200 makes a campaign of it.
TEST_P(ARestart, GoesUnnoticedUnderLoad) {
  const char* const asked = std::getenv("LAZYMIRROR_RESTARTS");
  const int rounds = asked != nullptr ? std::atoi(asked) : 4;
  std::vector<Readers::Target> targets;
  for (int i = 0; i < 6; ++i) {
    const std::string path = "/d" + std::to_string(i % 3) + "/f" + std::to_string(i);
    origin.put(path, {.size = kSize});
    targets.push_back({at(path), path, kSize});
  }
  auto service_now = service({"--timeout=5min"});
  Readers readers(targets, 4);
  for (int i = 0; i < rounds; ++i) {
    stop_for_restart(*service_now);
    service_now = service({"--timeout=5min"});
    std::vector<std::string> evict{"evict"};
    for (const auto& target : targets) evict.push_back(target.path);
    (void)run(std::move(evict));  // but what is being read
    const auto so_far = readers.reads();
    EXPECT_TRUE(eventually([&] { return readers.reads() > so_far + 10; }, kLimit));
  }
  readers.stop();
  EXPECT_EQ(readers.wrong(), 0u) << readers.first_wrong();
  EXPECT_THAT(readers.errnos(), IsEmpty()) << service_now->log();
}

// Without the announcement it is the stop that it always was.
TEST_P(ARestart, ThatIsNotToldIsAStop) {
  auto before = service();
  auto reader = stalled_reader();
  ASSERT_EQ(before->terminate(), 0);
  EXPECT_FALSE(mount_at(at("")));
  EXPECT_THAT(manager.names(), IsEmpty());
  EXPECT_EQ(reader.error(kLimit), EIO);
}

class ARestartThatGoesWrong : public ARestart {};
INSTANTIATE_TEST_SUITE_P(All, ARestartThatGoesWrong, ::testing::ValuesIn(each_fs()), fs_name);

// The manager lets go of what it keeps when the service is not to start again.
TEST_P(ARestartThatGoesWrong, WithoutANextStartEndsAtOnceInErrors) {
  auto before = service();
  auto reader = stalled_reader();
  stop_for_restart(*before);
  auto newcomer = reading("/d/late");
  expect_wait(newcomer);
  manager.drop_all();
  EXPECT_EQ(reader.error(kLimit), EIO);
  EXPECT_THAT(newcomer.error(kLimit), AnyOf(EIO, EACCES, ENOENT));
  expect_nothing_left();
  expect_a_start_to_serve();
}

// A manager that keeps it for ever: as long as a reader may wait.
TEST_P(ARestartThatGoesWrong, IsNotWaitedForLongerThanForTheOrigin) {
  auto before = service({"--timeout=6s", "--retries=0"});
  auto reader = stalled_reader();
  stop_for_restart(*before);
  EXPECT_EQ(reader.error(kLimit), EIO);
  expect_nothing_left();
}

TEST_P(ARestartThatGoesWrong, CanBeEndedByHand) {
  auto before = service();
  auto reader = stalled_reader();
  stop_for_restart(*before);
  const auto stopped = run({"stop", cache});
  EXPECT_EQ(stopped.status, 0) << stopped.output;
  EXPECT_FALSE(mount_at(at("")));
  EXPECT_EQ(reader.error(kLimit), EIO);
  expect_nothing_left();
}

TEST_P(ARestartThatGoesWrong, IsNotInTheWayOfAStartByHand) {
  auto before = service();
  auto reader = stalled_reader();
  stop_for_restart(*before);
  origin.clear_faults();
  const auto by_hand = start();
  EXPECT_THAT(reader.error(kLimit), AnyOf(EIO, 0));
  EXPECT_TRUE(eventually([&] { return read_all("/d/late") == 0; }, kLimit)) << by_hand->log();
}

// What is told to end is the caretaker; the next keeper hears of it from there.
TEST_P(ARestartThatGoesWrong, CanBeEndedByHandWhileTheNextKeeperIsNotReady) {
  auto before = service({"--ttl=0s", "--timeout=2min"});
  auto reader = stalled_reader();
  stop_for_restart(*before);
  auto next = begin_to_hang();
  auto newcomer = reading("/d/late");
  expect_wait(newcomer);
  const auto stopped = run({"stop", cache}, kLimit);
  EXPECT_EQ(stopped.status, 0) << stopped.output;
  EXPECT_FALSE(mount_at(at("")));
  EXPECT_EQ(reader.error(kLimit), EIO);
  EXPECT_THAT(newcomer.error(kLimit), AnyOf(EIO, EACCES, ENOENT));
  expect_failure(*next);
  expect_nothing_left();
  expect_a_start_to_serve();
}

TEST_P(ARestartThatGoesWrong, IsNotInTheWayOfAStartByHandWhileTheNextKeeperIsNotReady) {
  auto before = service({"--ttl=0s", "--timeout=2min"});
  auto reader = stalled_reader();
  stop_for_restart(*before);
  auto next = begin_to_hang();
  const auto by_hand = start();
  expect_failure(*next);
  origin.clear_faults();
  EXPECT_THAT(reader.error(kLimit), AnyOf(EIO, 0));
  EXPECT_TRUE(eventually([&] { return read_all("/d/late") == 0; }, kLimit)) << by_hand->log();
}

// Then nobody but the next keeper can end what there is.
TEST_P(ARestartThatGoesWrong, BecauseCaretakerAndNextKeeperEndBeforeItIsReadyEndsInErrors) {
  auto before = service({"--ttl=0s", "--timeout=2min"});
  auto reader = stalled_reader();
  stop_for_restart(*before);
  auto next = begin_to_hang();
  auto newcomer = reading("/d/late");
  auto lister = listing("/cold");
  expect_wait(newcomer);
  expect_wait(lister);
  const pid_t between = caretaker();
  ASSERT_GT(between, 0);
  ASSERT_EQ(::kill(between, SIGKILL), 0);
  expect_no_caretaker();
  expect_wait(reader);
  ASSERT_EQ(next->terminate(), 0) << next->log();
  next->leave_it_as_it_is();
  EXPECT_EQ(reader.error(kLimit), EIO);
  EXPECT_THAT(newcomer.error(kLimit), AnyOf(EIO, EACCES, ENOENT));
  EXPECT_THAT(lister.error(kLimit), AnyOf(EIO, EACCES, ENOENT));
  expect_nothing_left();
  expect_a_start_to_serve();
}

// Another may try, and takes over as if nobody had.
TEST_P(ARestartThatGoesWrong, IsRepeatedAfterAStartThatFails) {
  auto before = service();
  auto reader = stalled_reader();
  stop_for_restart(*before);
  auto failing = begin({"--cacert=/does/not/exist.pem"});
  const auto status = failing->wait(kLimit);
  ASSERT_TRUE(status);
  EXPECT_NE(*status, 0) << failing->log();
  failing->leave_it_as_it_is();
  EXPECT_THAT(manager.names(), ElementsAre("caretaker"));
  expect_wait(reader);
  origin.clear_faults();
  const auto after = service();
  EXPECT_EQ(reader.error(kLimit), 0);
  EXPECT_TRUE(is_right("/d/late", kSize));
}

TEST_P(ARestartThatGoesWrong, WithOtherOptionsIsAStopAndAStart) {
  const std::string place = work.make_dir("place");
  auto before = service();
  auto reader = stalled_reader();
  stop_for_restart(*before);
  origin.clear_faults();
  const auto after = service({}, place);
  EXPECT_EQ(reader.error(kLimit), EIO);
  EXPECT_TRUE(is_right("/d/late", kSize));
  EXPECT_TRUE(file_is(place + "/d/known", "/d/known", 1, kSize));
  EXPECT_EQ(after->terminate(), 0);
  EXPECT_FALSE(mount_at(place));
  EXPECT_FALSE(mount_at(at("")));
}

TEST_P(ARestartThatGoesWrong, BecauseTheCaretakerIsKilledEndsInErrors) {
  auto before = service();
  auto reader = stalled_reader();
  origin.inject("/deep/er/", {.fault = Fault::stall_before_head, .times = 0});
  auto walker = reading("/deep/er/file");
  expect_wait(walker);
  stop_for_restart(*before);
  const pid_t between = caretaker();
  ASSERT_GT(between, 0);
  ASSERT_EQ(::kill(between, SIGKILL), 0);
  EXPECT_EQ(reader.error(kLimit), EIO);
  EXPECT_THAT(walker.error(kLimit), AnyOf(EIO, ENOENT));
  EXPECT_THAT(read_all("/d/late"), AnyOf(EIO, EACCES, ENOENT));
  expect_a_start_to_serve();
}

// The next keeper has asked, and is gone before it is ready; this process in its
// place. What it had is not touched.
TEST_P(ARestartThatGoesWrong, GoesOnAfterAKeeperThatOnlyAsked) {
  auto before = service();
  auto reader = stalled_reader();
  stop_for_restart(*before);
  for (int i = 0; i < 2; ++i) {
    auto asked = fanotify::Heir::ask(std::move(manager.descriptors().front()));
    ASSERT_TRUE(asked) << asked.error().message;
    EXPECT_TRUE(asked->second.traps);
  }
  expect_wait(reader);
  origin.clear_faults();
  const auto after = service();
  EXPECT_EQ(reader.error(kLimit), 0);
  EXPECT_TRUE(is_right("/deep/er/file", kSize));
}

TEST_P(ARestartThatGoesWrong, CanBeClaimedAlsoFromACaretakerThatWasKilled) {
  auto before = service();
  auto reader = stalled_reader();
  stop_for_restart(*before);
  {
    auto asked = fanotify::Heir::ask(std::move(manager.descriptors().front()));
    ASSERT_TRUE(asked) << asked.error().message;
    const pid_t between = caretaker();
    ASSERT_GT(between, 0);
    ASSERT_EQ(::kill(between, SIGKILL), 0);
    expect_wait(reader);  // the group is here as well
    EXPECT_TRUE(asked->first.claim());
    expect_wait(reader);
  }
  expect_a_start_to_serve();
}

// At any moment of its start; LAZYMIRROR_KILLS=200 makes a campaign of it.
class AKilledSuccessor : public ARestart {
 protected:
  static int rounds() {
    const char* const asked = std::getenv("LAZYMIRROR_KILLS");
    return asked != nullptr ? std::atoi(asked) : 5;
  }
  std::unique_ptr<Daemon> begin_and_let_pass(Daemon& before, int round) {
    stop_for_restart(before);
    auto next = begin();
    let_pass(std::chrono::milliseconds(10 + 17 * round % 120));
    return next;
  }
  std::vector<Readers::Target> targets() {
    std::vector<Readers::Target> all;
    for (const char* path : {"/d/stalled", "/d/late", "/deep/er/file", "/cold/file"}) {
      all.push_back({at(path), path, kSize});
    }
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(All, AKilledSuccessor, ::testing::ValuesIn(each_fs()), fs_name);

TEST_P(AKilledSuccessor, IsFollowedByOneThatServes) {
  Readers readers(targets(), 3);
  for (int round = 0; round < rounds(); ++round) {
    auto before = served();
    auto killed = begin_and_let_pass(*before, round);
    killed->kill();
    killed->leave_it_as_it_is();
  }
  const auto after = served();
  const auto so_far = readers.reads();
  EXPECT_TRUE(eventually([&] { return readers.reads() > so_far + 10; }, kLimit));
  readers.stop();
  EXPECT_EQ(readers.wrong(), 0u) << readers.first_wrong();
  for (const auto& target : targets()) {
    EXPECT_TRUE(eventually([&] { return read_all(target.truth) == 0; }, kLimit));
  }
}

TEST_P(AKilledSuccessor, OrOneThatIsToldToStopLeavesNothing) {
  for (int round = 0; round < rounds(); ++round) {
    auto before = served();
    auto stopped = begin_and_let_pass(*before, round);
    stopped->terminate();
    stopped->leave_it_as_it_is();
    manager.drop_all();
    expect_nothing_left();
  }
}

// As at any time: its worker guards.
TEST_P(ARestartThatGoesWrong, BecauseTheNextKeeperIsKilledAfterwardsEndsInErrors) {
  auto before = service();
  auto reader = stalled_reader();
  stop_for_restart(*before);
  auto after = service();
  expect_wait(reader);
  after->kill();
  after->leave_it_as_it_is();
  EXPECT_EQ(reader.error(kLimit), EIO);
  expect_a_start_to_serve();
}

}  // namespace
}  // namespace lazymirror::testing
