// SPDX-License-Identifier: Apache-2.0
//
// kill -9 of either process: no wrong byte, ever. Of the worker: no error
// either. Of the keeper: errors, and a next start that works.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "integration/watch/watch.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AnyOf;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;

constexpr std::uint64_t kSize = 24u << 20;

class ACrashInPlace : public OnEachFs {
 protected:
  // How often each test kills. LAZYMIRROR_KILLS=2000 makes a campaign of it.
  static unsigned rounds(unsigned usual) {
    const char* asked = std::getenv("LAZYMIRROR_KILLS");
    return asked == nullptr ? usual : static_cast<unsigned>(std::stoul(asked));
  }

  std::vector<Readers::Target> some_files(unsigned count, std::uint64_t size = kSize,
                                          const std::string& below = "") {
    std::vector<Readers::Target> targets;
    for (unsigned i = 0; i < count; ++i) {
      const std::string path = below + "/d" + std::to_string(i % 3) + "/f" + std::to_string(i);
      origin.put(path, {.size = size});
      targets.push_back({at(path), path, size});
    }
    return targets;
  }

  // Not taken in by the open view that a killed run has left.
  std::unique_ptr<Daemon> watched_anew() {
    auto daemon = watched();
    ++starts_;
    EXPECT_TRUE(eventually([&] { return count_in(daemon->log(), " is shown in ") >= starts_; },
                           seconds(30)));
    return daemon;
  }

  // What has been read is no work for anybody any more.
  void evict(const std::vector<Readers::Target>& targets) {
    std::vector<std::string> command{"evict"};
    for (const auto& target : targets) command.push_back(target.path);
    const CommandResult evicted = run(std::move(command));
    EXPECT_EQ(evicted.status, 0) << evicted.output;
  }

  // A worker other than `before`. The five seconds that are promised are a matter
  // of arithmetic (WorkersHealth); a busy machine adds what it likes.
  static pid_t next_worker(pid_t keeper, pid_t before) {
    pid_t worker = -1;
    EXPECT_TRUE(eventually(
        [&] {
          worker = worker_of(keeper);
          return worker > 0 && worker != before;
        },
        seconds(60)));
    return worker;
  }

  // Every other worker has served somebody; the others are killed while they
  // start, at different moments.
  static void kill_one_after_another(pid_t keeper, unsigned kills, const Readers& readers) {
    pid_t worker = -1;
    for (unsigned i = 0; i < kills; ++i) {
      worker = next_worker(keeper, worker);
      ASSERT_GT(worker, 0);
      const std::uint64_t before = readers.reads();
      if (i % 2 == 0) {
        ASSERT_TRUE(eventually([&] { return readers.reads() > before + 4; }, seconds(30)));
      }
      let_pass(milliseconds(i % 9 * 4));  // the moment of the kill is the input
      ASSERT_EQ(::kill(worker, SIGKILL), 0);
    }
  }

  void kill_workers(const std::vector<Readers::Target>& targets, unsigned kills) {
    constexpr unsigned kUntilAllIsRead = 50;
    auto daemon = watched({"--timeout=5min"});
    for (unsigned done = 0; done < kills && !HasFailure(); done += kUntilAllIsRead) {
      if (done > 0) evict(targets);
      Readers readers(targets, 8);
      kill_one_after_another(daemon->pid(), std::min(kUntilAllIsRead, kills - done), readers);
      readers.stop();
      EXPECT_EQ(readers.wrong(), 0u) << readers.first_wrong();
      EXPECT_THAT(readers.errnos(), IsEmpty());
    }
    const unsigned busy = busy_ones(daemon->log());
    EXPECT_GE(busy, kills / 4);
    RecordProperty("busy", static_cast<int>(busy));
    EXPECT_TRUE(is_right(targets[0].truth, targets[0].size));
  }

  // How many of the workers that were killed had readers waiting for them.
  static unsigned busy_ones(const std::string& log) {
    return count_in(log, " readers wait for the next one") -
           count_in(log, " 0 readers wait for the next one");
  }

 private:
  static unsigned count_in(const std::string& text, std::string_view words) {
    unsigned count = 0;
    for (std::size_t at = text.find(words); at != std::string::npos;
         at = text.find(words, at + 1)) {
      ++count;
    }
    return count;
  }

  unsigned starts_ = 0;  // by watched_anew(); all write one log
};
INSTANTIATE_TEST_SUITE_P(Kills, ACrashInPlace, ::testing::ValuesIn(each_fs()), fs_name);

TEST_P(ACrashInPlace, OfTheWorkerIsNotNoticed) { kill_workers(some_files(40), rounds(40)); }

// Files are small here: each open fetches all of its file.
class ACrashInOtherWays : public ACrashInPlace {};
INSTANTIATE_TEST_SUITE_P(Kills, ACrashInOtherWays, ::testing::ValuesIn(other_ways()), fs_name);

TEST_P(ACrashInOtherWays, OfTheWorkerIsNotNoticed) { kill_workers(some_files(200, 1u << 20), 8); }

TEST_P(ACrashInPlace, OfTheKeeperGivesErrorsButNeverAWrongByte) {
  const unsigned kills = rounds(6);
  std::vector<std::vector<Readers::Target>> trees;  // each walked into for the first time
  for (unsigned i = 0; i < std::min(kills, 40U); ++i) {
    trees.push_back(some_files(12, kSize, "/tree" + std::to_string(i)));
  }
  unsigned noticed = 0;
  for (unsigned i = 0; i < kills && !HasFailure(); ++i) {
    const auto& targets = trees[i % trees.size()];
    auto daemon = watched_anew();
    if (i >= trees.size()) evict(targets);
    Readers readers(targets, 6);
    EXPECT_TRUE(eventually([&] { return readers.reads() > 3; }, seconds(20)));
    let_pass(milliseconds(i % 5 * 3));
    daemon->kill();
    let_pass(milliseconds(i % 4 * 5));
    readers.stop();
    EXPECT_EQ(readers.wrong(), 0u) << readers.first_wrong();
    EXPECT_THAT(readers.errnos(), IsSubsetOf({EIO, EACCES, ENOENT, ESTALE, ENOTCONN}));
    noticed += readers.errors() > 0 ? 1 : 0;
    if (i % 2 == 0) daemon->leave_it_as_it_is();
  }
  EXPECT_GE(noticed, kills / 4);
  RecordProperty("noticed", static_cast<int>(noticed));
  auto daemon = watched_anew();
  for (const auto& target : trees[0]) EXPECT_TRUE(is_right(target.truth, kSize));
}

TEST_P(ACrashInPlace, OfTheKeeperEndsWalksAndShowsNoDirectoryAsEmpty) {
  for (const std::string name : {"/cold", "/colder"}) {
    origin.put(name + "/f", {.size = 10});
    origin.inject(name + "/", {.fault = Fault::stall_before_head, .times = 0});
  }
  auto daemon = watched();
  Caught walk([&] { return stat_error(at("/cold/f")); });
  Caught list([&] { return list_error(at("/cold")); });
  ASSERT_TRUE(eventually([&] { return walk.waits() && list.waits(); }, seconds(20)));
  daemon->kill();
  EXPECT_THAT(walk.error(), AnyOf(EIO, ENOENT));
  EXPECT_THAT(list.error(), AnyOf(EIO, ENOENT));
  for (const std::string name : {"/cold", "/colder"}) {
    EXPECT_THAT(Caught([&] { return stat_error(at(name + "/f")); }).error(), AnyOf(EIO, ENOENT));
    EXPECT_THAT(Caught([&] { return list_error(at(name)); }).error(), AnyOf(EIO, ENOENT));
  }
  origin.clear_faults();
  origin.unstall();
  const auto next = watched();
  EXPECT_TRUE(eventually([&] { return stat_error(at("/cold/f")) == 0; }, seconds(20)));
  EXPECT_TRUE(eventually([&] { return stat_error(at("/colder/f")) == 0; }, seconds(20)));
}

TEST_P(ACrashInPlace, OfTheKeeperOfAStoppedWorkerLeavesAGuardAndACacheThatIsFree) {
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  ASSERT_EQ(stat_error(at("/d/f")), 0);
  const pid_t worker = worker_of(daemon->pid());
  ASSERT_GT(worker, 0);
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  Caught read([&] { return read_error(at("/d/f")); });
  ASSERT_TRUE(eventually([&] { return read.waits(); }, seconds(20)));
  ASSERT_EQ(::kill(daemon->pid(), SIGSTOP), 0);  // it would replace the worker
  daemon->kill();
  EXPECT_EQ(read.error(), EIO);
  const auto next = watched();  // ready for the test while the guard still denies
  EXPECT_TRUE(eventually([&] { return read_error(at("/d/f")) == 0; }, seconds(20)));
  EXPECT_TRUE(is_right("/d/f", kSize));
}

TEST_P(ACrashInPlace, OfBothIsRecoveredByTheNextStart) {
  const auto targets = some_files(3);
  auto daemon = watched();
  ASSERT_TRUE(is_right(targets[0].truth, kSize));
  const pid_t worker = worker_of(daemon->pid());
  ASSERT_GT(worker, 0);
  ::kill(daemon->pid(), SIGSTOP);
  ::kill(worker, SIGKILL);
  daemon->kill();
  daemon.reset();
  daemon = watched();
  for (const auto& target : targets) EXPECT_TRUE(is_right(target.truth, kSize));
}

TEST_P(ACrashInPlace, AWorkerThatIsStoppedIsReplaced) {
  origin.put("/f", {.size = kSize});
  auto daemon = watched();
  struct stat before {};
  ASSERT_EQ(::stat(at("/f").c_str(), &before), 0);
  const pid_t worker = worker_of(daemon->pid());
  ASSERT_GT(worker, 0);
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  (void)next_worker(daemon->pid(), worker);
  EXPECT_TRUE(is_right("/f", kSize));
}

// cp skips holes, which ext4 shows.
class ACrashDuringACopy : public ACrashInPlace {};
INSTANTIATE_TEST_SUITE_P(Kills, ACrashDuringACopy, ::testing::ValuesIn(reflink_fs()), fs_name);

TEST_P(ACrashDuringACopy, LetsItComplete) {
  for (int i = 0; i < 60; ++i) origin.put("/t/f" + std::to_string(i), {.size = 700'001});
  auto daemon = watched();
  ChildProcess cp({.argv = {"cp", "-a", at("/t"), work / "copy"}, .log_file = work / "cp.log"});
  ASSERT_TRUE(origin.wait_for_requests("/t/f10", 1));
  const pid_t worker = worker_of(daemon->pid());
  ASSERT_GT(worker, 0);
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  EXPECT_EQ(cp.wait(seconds(120)), 0) << cp.log();
  for (int i = 0; i < 60; ++i) {
    const std::string name = "/f" + std::to_string(i);
    EXPECT_TRUE(file_is(work / ("copy" + name), "/t" + name, 1, 700'001));
  }
}

}  // namespace
}  // namespace lazymirror::testing
