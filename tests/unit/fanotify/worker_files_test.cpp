// SPDX-License-Identifier: Apache-2.0
//
// The worker's answers to events on files.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <future>

#include "base/file_io.h"
#include "support/truth.h"
#include "unit/fanotify/worker_fixture.h"

namespace lazymirror::testing {
namespace {

using fanotify::Event;
using fanotify::Ticket;
using fanotify::WorkerEnd;

constexpr const char* kStamp = "user.lazymirror.id";

class WorkerFilesTest : public WorkerTest {
 protected:
  [[nodiscard]] bool reflinks() const { return GetParam() != SmallFs::Kind::ext4; }
  [[nodiscard]] ::testing::AssertionResult holds(const std::string& path, ByteRange range,
                                                 std::uint64_t version = 1) {
    std::vector<std::byte> bytes(range.size());
    const auto fd = open_quietly(path);
    const auto count = pread_full(fd.get(), bytes, range.begin);
    if (!count || *count != bytes.size()) return ::testing::AssertionFailure() << "cannot read";
    return bytes_are('/' + path, version, range.begin, bytes);
  }
};

TEST_P(WorkerFilesTest, AReadThroughTheViewBringsTheOriginsBytes) {
  web->put("/a", {3 * kMiB + 17});
  start();
  EXPECT_TRUE(file_is(view("a"), "/a", 1, 3 * kMiB + 17));
  EXPECT_GT(events(), 0u);
}

TEST_P(WorkerFilesTest, AMappingShowsTheOriginsBytesAndTellsOfItsProgress) {
  constexpr std::uint64_t kSize = 40 * kMiB + 5;
  web->put("/a", {kSize});
  start();
  const auto fd = open_fd(AT_FDCWD, view("a"), O_RDONLY);
  ASSERT_TRUE(fd);
  void* const map = ::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, fd->get(), 0);
  ASSERT_NE(map, MAP_FAILED);
  const std::span bytes(static_cast<const std::byte*>(map), kSize);
  EXPECT_TRUE(bytes_are("/a", 1, 0, bytes));
  ::munmap(map, kSize);
  EXPECT_EQ(keeper->look([](const auto& said) { return said.progress; }), 2u);
}

TEST_P(WorkerFilesTest, ACompleteFileIsNotAskedForAgain) {
  web->put("/a", {kMiB});
  start();
  ASSERT_TRUE(file_is(view("a"), "/a", 1, kMiB));
  ASSERT_TRUE(eventually([&] {  // the engine may tell of its completion a moment later
    const auto before = events();
    return file_is(view("a"), "/a", 1, kMiB) && events() == before;
  }));
}

TEST_P(WorkerFilesTest, SmallFilesThatAreReadInTurnAreFetchedAhead) {
  const auto path = [](int i) { return "/d/f" + std::to_string(10 + i); };
  for (int i = 0; i < 40; ++i) web->put(path(i), {10'000});
  start();
  ASSERT_EQ(names_in_view("d").size(), 40u);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(file_is(view(path(i)), path(i), 1, 10'000));
  EXPECT_TRUE(web->wait_for("GET /d/f", 20)) << "those that were there have told of their reader";
  for (int i = 10; i < 40; ++i) ASSERT_TRUE(file_is(view(path(i)), path(i), 1, 10'000));
  EXPECT_EQ(web->count("GET"), 40u) << "each once";
}

TEST_P(WorkerFilesTest, AfterEvictionItIsAskedForAgain) {
  web->put("/a", {kMiB});
  start();
  ASSERT_TRUE(file_is(view("a"), "/a", 1, kMiB));
  fanotify::Evictor evictor(*engine, *group, options.inode_guards);
  {
    const auto fd = open_fd(AT_FDCWD, view("a"), O_RDONLY);
    ASSERT_TRUE(fd);
    EXPECT_EQ(evictor.evict("a").error().code, Errc::busy);
  }
  ASSERT_TRUE(eventually([&] { return evictor.evict("a").has_value(); }));
  const auto before = events();
  const auto asked = web->count("GET");
  EXPECT_TRUE(file_is(view("a"), "/a", 1, kMiB));
  EXPECT_GT(events(), before);
  EXPECT_GT(web->count("GET"), asked);
  EXPECT_EQ(evictor.evict("none").error().code, Errc::not_found);
}

TEST_P(WorkerFilesTest, GuardsFilesOneByOneWhereTheFileSystemIsShared) {
  options.inode_guards = true;
  web->put("/a", {kMiB});
  web->put("/d/b", {kMiB});
  start();
  EXPECT_TRUE(file_is(view("a"), "/a", 1, kMiB));
  EXPECT_GT(events(), 0u);
  EXPECT_EQ(names_in_view("d"), std::vector<std::string>{"b"});
  EXPECT_TRUE(file_is(view("d/b"), "/d/b", 1, kMiB));
  fanotify::Evictor evictor(*engine, *group, options.inode_guards);
  ASSERT_TRUE(eventually([&] { return evictor.evict("a").has_value(); }));
  EXPECT_TRUE(file_is(view("a"), "/a", 1, kMiB));
}

TEST_P(WorkerFilesTest, WhatAnEarlierRunLeftIsGuardedBeforeTheTreeIsShown) {
  options.inode_guards = true;
  options.max_traps = 0;
  web->put("/d/b", {kMiB});
  web->put("/d/e/c", {kMiB});
  start();
  ASSERT_EQ(names_in_view("d").size(), 2u);
  ASSERT_EQ(names_in_view("d/e").size(), 1u);
  stop();
  start();
  EXPECT_TRUE(file_is(view("d/e/c"), "/d/e/c", 1, kMiB)) << "found by its name";
  EXPECT_TRUE(file_is(view("d/b"), "/d/b", 1, kMiB));
}

TEST_P(WorkerFilesTest, WithoutRangesAnOpenFillsTheFile) {
  mode = fanotify::EventMode::access_perm;
  web->put("/a", {2 * kMiB});
  start();
  const auto fd = open_fd(AT_FDCWD, view("a"), O_RDONLY);
  ASSERT_TRUE(fd);
  void* const map = ::mmap(nullptr, 2 * kMiB, PROT_READ, MAP_SHARED, fd->get(), 0);
  ASSERT_NE(map, MAP_FAILED);
  EXPECT_TRUE(bytes_are("/a", 1, 0, std::span(static_cast<const std::byte*>(map), 2 * kMiB)));
  ::munmap(map, 2 * kMiB);
  EXPECT_TRUE(file_is(view("a"), "/a", 1, 2 * kMiB));
}

TEST_P(WorkerFilesTest, AThousandReadersOfASlowFileAreOneTransfer) {
  web->put("/a", {4 * kMiB});
  start();
  const auto fd = open_quietly("a");
  web->hold();
  std::vector<Ticket> tickets;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    tickets.push_back(keeper->tell(fd.get(), (i % 16) * 4'096, 4'096));
  }
  ASSERT_TRUE(web->wait_for("GET", 1));
  web->release();
  for (const Ticket ticket : tickets) ASSERT_EQ(keeper->answer_to(ticket), 0);
  EXPECT_TRUE(holds("a", {0, 64u << 10}));
  EXPECT_LT(web->count("GET"), 10u);
}

TEST_P(WorkerFilesTest, WhatIsPresentIsAnsweredWhileOthersWait) {
  web->put("/slow", {kMiB});
  web->put("/present", {kMiB});
  start();
  const auto present = open_quietly("present");
  ASSERT_EQ(keeper->answer_to(keeper->tell(present.get(), 0, kMiB)), 0);
  web->hold();
  const auto slow = open_quietly("slow");
  const Ticket first = keeper->tell(slow.get(), 0, 4'096);
  const Ticket second = keeper->tell(present.get(), 0, 4'096);
  EXPECT_EQ(keeper->answer_to(second), 0);
  EXPECT_FALSE(keeper->is_answered(first));
  web->release();
  EXPECT_EQ(keeper->answer_to(first), 0);
  EXPECT_TRUE(holds("slow", {0, 4'096}));
}

TEST_P(WorkerFilesTest, AForeignFileIsAllowedAtOnce) {
  web->put("/a", {kMiB});
  start();
  const TempDir elsewhere;
  const auto fd = open_fd(AT_FDCWD, elsewhere.write("foreign", "bytes"), O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_EQ(keeper->answer_to(keeper->tell(fd->get(), 0, 4'096)), 0);
  EXPECT_EQ(web->count("GET"), 0u);
}

TEST_P(WorkerFilesTest, ACopyWithTheStampOfTheOriginalIsForeign) {
  web->put("/a", {kMiB});
  start();
  const auto original = open_quietly("a");
  std::array<char, 256> stamp{};
  const ssize_t size = ::fgetxattr(original.get(), kStamp, stamp.data(), stamp.size());
  ASSERT_GT(size, 0);
  const auto copy = open_quietly("../copy", O_RDWR | O_CREAT);
  ASSERT_EQ(
      ::fsetxattr(copy.get(), kStamp, stamp.data(), static_cast<std::size_t>(size), XATTR_CREATE),
      0);
  EXPECT_EQ(keeper->answer_to(keeper->tell(copy.get(), 0, 4'096)), 0);
  EXPECT_EQ(web->count("GET"), 0u);
}

TEST_P(WorkerFilesTest, AnOlderVersionThatIsOpenGetsNoBytesOfTheNewer) {
  web->put("/a", {4 * kMiB});
  start();
  const auto old = open_quietly("a");
  ASSERT_EQ(keeper->answer_to(keeper->tell(old.get(), 0, 4'096)), 0);
  web->touch("/a");
  EXPECT_EQ(keeper->answer_to(keeper->tell(old.get(), 2 * kMiB, 4'096)), EIO);
  // What was met is placed without anybody asking.
  ASSERT_TRUE(eventually([&] {
    struct stat before {};
    struct stat now {};
    return ::fstat(old.get(), &before) == 0 && ::stat(through("a").c_str(), &now) == 0 &&
           before.st_ino != now.st_ino;
  }));
  EXPECT_EQ(keeper->answer_to(keeper->tell(old.get(), kMiB, 4'096)), EIO);
  const auto current = open_quietly("a");
  EXPECT_EQ(keeper->answer_to(keeper->tell(current.get(), kMiB, 4'096)), 0);
  EXPECT_TRUE(holds("a", {kMiB, kMiB + 4'096}, 2));
}

TEST_P(WorkerFilesTest, NoRangeAtTheBeginningIsACloneOfTheWholeFile) {
  web->put("/a", {kMiB});
  start();
  const auto fd = open_quietly("a");
  EXPECT_EQ(keeper->answer_to(keeper->tell(fd.get(), 0, 0)), 0);
  if (reflinks()) {
    EXPECT_TRUE(holds("a", {0, kMiB}));
  } else {
    EXPECT_EQ(web->count("GET"), 0u) << "nothing can be cloned here";
  }
}

TEST_P(WorkerFilesTest, NothingIsFetchedForWhatLiesBeyondTheEnd) {
  web->put("/a", {5'000});
  start();
  const auto fd = open_quietly("a");
  EXPECT_EQ(keeper->answer_to(keeper->tell(fd.get(), 8'192, 4'096)), 0);
  EXPECT_EQ(keeper->answer_to(keeper->tell(fd.get(), UINT64_MAX - 4'095, 4'096)), 0);
  EXPECT_EQ(keeper->answer_to(keeper->tell(fd.get(), 4'096, 0)), 0);
  EXPECT_EQ(web->count("GET"), 0u);
  EXPECT_EQ(keeper->answer_to(keeper->tell(fd.get(), 4'096, 4'096)), 0) << "its last page";
  EXPECT_TRUE(holds("a", {4'096, 5'000}));
}

TEST_P(WorkerFilesTest, AnOpenFillsNothingUnlessAsked) {
  web->put("/a", {kMiB});
  start();
  const auto fd = open_quietly("a");
  EXPECT_EQ(keeper->answer_to(keeper->tell(fd.get(), 0, 0, Event::Kind::open)), 0);
  EXPECT_EQ(web->count("GET"), 0u);
}

TEST_P(WorkerFilesTest, AnOpenFillsTheFileWhenAsked) {
  options.opens.fill_up_to = fanotify::OpenRule::kNoLimit;
  web->put("/a", {2 * kMiB});
  start();
  const auto fd = open_fd(AT_FDCWD, view("a"), O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_TRUE(holds("a", {0, 2 * kMiB})) << "before anybody has read";
}

TEST_P(WorkerFilesTest, AnOpenFillsFilesUpToTheLimitOnly) {
  options.opens.fill_up_to = kMiB;
  web->put("/small", {kMiB});
  web->put("/large", {kMiB + 1});
  start();
  const auto large = open_fd(AT_FDCWD, view("large"), O_RDONLY);
  ASSERT_TRUE(large);
  EXPECT_EQ(web->count("GET"), 0u);
  const auto small = open_fd(AT_FDCWD, view("small"), O_RDONLY);
  ASSERT_TRUE(small);
  EXPECT_TRUE(holds("small", {0, kMiB})) << "before anybody has read";
  EXPECT_TRUE(file_is(view("large"), "/large", 1, kMiB + 1));
}

// Where a placeholder is a hole; elsewhere it never shows one.
TEST_P(WorkerFilesTest, ALargeFileHasItsBlocksWhileItIsOpen) {
  constexpr std::uint64_t kSize = 5 * kMiB;
  options.opens.fill_up_to = kMiB;
  web->put("/a", {kSize});
  start();
  const auto held = [&] {
    struct stat status {};
    EXPECT_EQ(::stat(through("a").c_str(), &status), 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  };
  auto fd = open_fd(AT_FDCWD, view("a"), O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_GE(held(), kSize);
  EXPECT_EQ(web->count("GET"), 0u);
  std::array<std::byte, 4'096> bytes{};
  ASSERT_TRUE(pread_full(fd->get(), bytes, kMiB));
  EXPECT_TRUE(bytes_are("/a", 1, kMiB, bytes));
  fd->reset();
  if (reflinks()) return;
  EXPECT_TRUE(eventually([&] { return held() < 4 * kMiB; }, std::chrono::seconds(60)));
  EXPECT_TRUE(holds("a", {kMiB, kMiB + 4'096}));
  EXPECT_TRUE(file_is(view("a"), "/a", 1, kSize));
}

TEST_P(WorkerFilesTest, AFileForWhichThereIsNoRoomIsRefusedAtOpen) {
  web->put("/a", {4'096 * kMiB});
  start();
  const auto fd = open_fd(AT_FDCWD, view("a"), O_RDONLY);
  EXPECT_EQ(fd.has_value(), reflinks()) << "nothing is reserved where blocks are shared";
  EXPECT_EQ(fd ? 0 : fd.error().os_errno, reflinks() ? 0 : ENOSPC);
}

TEST_P(WorkerFilesTest, WhatIsReservedForClosedFilesGivesWayToAnOpen) {
  options.reserve = Duration(600'000);  // nothing is given back by itself
  // Of the gigabyte that there is.
  for (const std::string name : {"/a", "/b", "/c"}) web->put(name, {600 * kMiB});
  start();
  // Again, as the keeper may not have closed the event of the open before yet.
  for (const std::string name : {"a", "b", "c"}) {
    const auto opens = [&] { return open_fd(AT_FDCWD, view(name), O_RDONLY).has_value(); };
    EXPECT_TRUE(eventually(opens)) << name;
  }
}

TEST_P(WorkerFilesTest, NothingMovesTheTimesOfAFileOnceItIsOpen) {
  options.opens.fill_up_to = kMiB;
  constexpr std::uint64_t kFiles = 30;
  for (std::uint64_t i = 0; i < kFiles; ++i) web->put('/' + std::to_string(i), {i * 20'000});
  start();
  for (std::uint64_t i = 0; i < kFiles; ++i) {
    const std::string name = std::to_string(i);
    const auto fd = open_fd(AT_FDCWD, view(name), O_RDONLY);
    ASSERT_TRUE(fd);
    struct stat before {};
    struct stat after {};
    ASSERT_EQ(::fstat(fd->get(), &before), 0);
    EXPECT_TRUE(file_is(view(name), '/' + name, 1, i * 20'000));
    ASSERT_EQ(::fstat(fd->get(), &after), 0);
    EXPECT_EQ(before.st_ctim.tv_sec, after.st_ctim.tv_sec) << name;
    EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec) << name;
    EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec) << name;
  }
}

TEST_P(WorkerFilesTest, AnOpenThatCannotBeFilledFailsAsTheReadWould) {
  options.opens.fill_up_to = kMiB;
  web->put("/a", {kMiB});
  start();
  web->fail_all(Errc::unreachable);
  const auto refused = open_fd(AT_FDCWD, view("a"), O_RDONLY);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().os_errno, EIO);
  web->fail_all(std::nullopt);
  EXPECT_TRUE(file_is(view("a"), "/a", 1, kMiB));
}

TEST_P(WorkerFilesTest, OpensOfACompleteFileAreNotAskedFor) {
  options.opens.fill_up_to = kMiB;
  web->put("/a", {kMiB});
  start();
  ASSERT_TRUE(file_is(view("a"), "/a", 1, kMiB));
  ASSERT_TRUE(eventually([&] {  // the engine may tell of its completion a moment later
    const auto before = events();
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(open_fd(AT_FDCWD, view("a"), O_RDONLY));
    return events() == before;
  }));
}

TEST_P(WorkerFilesTest, EvictionRefusesNoOpener) {
  options.opens.fill_up_to = kMiB;
  constexpr std::uint64_t kSize = 100'000;
  web->put("/a", {kSize});
  start();
  ASSERT_TRUE(file_is(view("a"), "/a", 1, kSize));
  fanotify::Evictor evictor(*engine, *group, options.inode_guards);
  for (int round = 0; round < 50; ++round) {
    auto opener =
        std::async(std::launch::async, [&] { return file_is(view("a"), "/a", 1, kSize); });
    const auto evicted = evictor.evict("a");
    EXPECT_TRUE(evicted || evicted.error().code == Errc::busy) << evicted.error().message;
    EXPECT_TRUE(opener.get());
  }
}

// As tar(1) opens.
TEST_P(WorkerFilesTest, EvictionRefusesNoOpenerWhoDoesNotWait) {
  constexpr std::uint64_t kSize = 100'000;
  web->put("/a", {kSize});
  start();
  fanotify::Evictor evictor(*engine, *group, options.inode_guards);
  for (int evictions = 0; evictions < 30;) {
    ASSERT_TRUE(file_is(view("a"), "/a", 1, kSize));
    auto opener = std::async(std::launch::async, [&] {
      const auto fd = open_fd(AT_FDCWD, view("a"), O_RDONLY | O_NONBLOCK);
      return fd ? 0 : fd.error().os_errno;
    });
    const auto evicted = evictor.evict("a");
    ASSERT_TRUE(evicted || evicted.error().code == Errc::busy) << evicted.error().message;
    if (evicted) ++evictions;
    ASSERT_EQ(opener.get(), 0) << "after " << evictions << " evictions";
  }
}

TEST_P(WorkerFilesTest, WhatCannotBeFetchedIsAnErrorNotZeros) {
  web->put("/a", {kMiB});
  start();
  web->fail_all(Errc::unreachable);
  const auto fd = open_fd(AT_FDCWD, view("a"), O_RDONLY);
  ASSERT_TRUE(fd);
  char byte = 0;
  EXPECT_EQ(::pread(fd->get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, EIO);
  web->fail_all(std::nullopt);
  EXPECT_TRUE(file_is(view("a"), "/a", 1, kMiB));
}

TEST_P(WorkerFilesTest, AReaderWaitsAsLongAsBytesCome) {
  web->put("/a", {4 * kMiB});
  start();
  const auto fd = open_quietly("a");
  ASSERT_EQ(keeper->answer_to(keeper->tell(fd.get(), 0, 4'096)), 0);
  keeper->hang_up();
  ASSERT_TRUE(worker_end());
  options.timeout = Duration(1'500);
  start_worker();
  ASSERT_TRUE(keeper->wait_until_ready());
  web->hold();
  const auto before = keeper->look([](const auto& said) { return said; });
  const Ticket ticket = keeper->tell(fd.get(), 0, 2 * kMiB);
  EXPECT_EQ(keeper->answer_to(ticket), EIO) << "at the second deadline nothing more was there";
  const auto after = keeper->look([](const auto& said) { return said; });
  EXPECT_EQ(after.progress, before.progress + 1) << "at the first its beginning was";
  EXPECT_EQ(after.answers_at_progress, before.answers);
}

TEST_P(WorkerFilesTest, StopAnswersNothingMore) {
  web->put("/a", {kMiB});
  start();
  const auto fd = open_quietly("a");
  web->hold();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 100; ++i) tickets.push_back(keeper->tell(fd.get(), 0, 4'096));
  ASSERT_TRUE(web->wait_for("GET", 1));
  keeper->stop_worker();
  const auto end = worker_end();
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, WorkerEnd::stopped);
  web->release();
  engine.reset();
  for (const Ticket ticket : tickets) EXPECT_FALSE(keeper->is_answered(ticket));
}

TEST_P(WorkerFilesTest, AnotherWorkerAnswersWhatTheFirstDidNot) {
  web->put("/a", {kMiB});
  start();
  const auto fd = open_quietly("a");
  web->hold();
  const Ticket ticket = keeper->tell(fd.get(), 0, 4'096);
  ASSERT_TRUE(web->wait_for("GET", 1));
  keeper->hang_up();
  const auto end = worker_end();
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, WorkerEnd::keeper_gone);
  EXPECT_FALSE(keeper->is_answered(ticket));
  web->release();
  start_worker();
  EXPECT_EQ(keeper->answer_to(ticket), 0);
  EXPECT_TRUE(holds("a", {0, 4'096}));
}

TEST_P(WorkerFilesTest, PingsAreAnswered) {
  start();
  for (int i = 0; i < 5; ++i) keeper->ping();
  EXPECT_TRUE(keeper->wait_until([&] { return keeper->said.pongs >= 1; }));
}

INSTANTIATE_TEST_SUITE_P(On, WorkerFilesTest,
                         ::testing::Values(SmallFs::Kind::ext4, SmallFs::Kind::xfs,
                                           SmallFs::Kind::btrfs),
                         [](const auto& on) {
                           return on.param == SmallFs::Kind::ext4  ? "Ext4"
                                  : on.param == SmallFs::Kind::xfs ? "Xfs"
                                                                   : "Btrfs";
                         });

}  // namespace
}  // namespace lazymirror::testing
