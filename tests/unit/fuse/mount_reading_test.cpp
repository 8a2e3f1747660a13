// SPDX-License-Identifier: Apache-2.0
//
// Reading through a mount over the fake engine: every byte is compared with
// the oracle's.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "support/oracle_origin.h"
#include "support/truth.h"
#include "unit/fuse/test_mount.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kBig = (3U << 20U) + 77;
constexpr std::uint64_t kDone = 2U << 20U;

class MountReadingTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::string io() const { return GetParam(); }
  bool passthrough() const { return io() == "passthrough"; }
};

INSTANTIATE_TEST_SUITE_P(BothWays, MountReadingTest, ::testing::ValuesIn(ways()),
                         [](const auto& param) { return param.param; });

UniqueFd open_file(const std::string& path, int flags = 0) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  EXPECT_TRUE(fd.valid()) << path << ": " << std::strerror(errno);
  return fd;
}

::testing::AssertionResult reads_as(const UniqueFd& fd, const std::string& truth,
                                    std::uint64_t version, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t n = ::pread(fd.get(), bytes.data(), size, static_cast<off_t>(offset));
  if (n != static_cast<ssize_t>(size)) {
    return ::testing::AssertionFailure() << "read " << n << ": " << std::strerror(errno);
  }
  return bytes_are(truth, version, offset, bytes);
}

struct stat stat_of(const UniqueFd& fd) {
  struct stat st {};
  EXPECT_EQ(::fstat(fd.get(), &st), 0);
  return st;
}

struct stat stat_of(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::stat(path.c_str(), &st), 0) << path;
  return st;
}

// A mapping of a whole file.
class Mapping {
 public:
  Mapping(const UniqueFd& fd, std::size_t size, int flags)
      : size_(size), at_(::mmap(nullptr, size, PROT_READ, flags, fd.get(), 0)) {
    EXPECT_NE(at_, MAP_FAILED) << std::strerror(errno);
  }
  ~Mapping() { ::munmap(at_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t begin, std::size_t size) const {
    return {static_cast<const std::byte*>(at_) + begin, size};
  }

 private:
  std::size_t size_;
  void* at_;
};

// Whether the file is read while the daemon sleeps: by the kernel alone.
bool reads_without_the_daemon(TestMount& mount, const UniqueFd& fd, std::uint64_t offset,
                              seconds limit) {
  mount.daemon().signal(SIGSTOP);
  siginfo_t stopped{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(mount.daemon().pid()), &stopped, WSTOPPED), 0);
  auto reader = std::async(std::launch::async, [&] {
    char bytes[4096];
    return ::pread(fd.get(), bytes, sizeof bytes, static_cast<off_t>(offset)) > 0;
  });
  const bool alone = reader.wait_for(limit) == std::future_status::ready;
  mount.daemon().signal(SIGCONT);
  return alone && reader.get();
}

TEST_P(MountReadingTest, GivesTheBytesOfCompleteAndMissingFiles) {
  TestMount mount(io());
  EXPECT_TRUE(file_is(mount / "done", "/done", 1, kDone));
  EXPECT_TRUE(file_is(mount / "big", "/big", 1, kBig));
  EXPECT_TRUE(file_is(mount / "big", "/big", 1, kBig, 4'097));
  EXPECT_TRUE(file_is(mount / "small", "/small", 1, 1'000));
  EXPECT_TRUE(file_is(mount / "empty", "/empty", 1, 0));
  EXPECT_TRUE(file_is(mount / "unknown", "/unknown", 1, 5'000)) << "size asked for";
}

TEST_P(MountReadingTest, ReadsAnywhereAndStopsAtTheEnd) {
  TestMount mount(io());
  const UniqueFd fd = open_file(mount / "big");
  for (const std::uint64_t offset : {2'000'000ULL, 0ULL, 3'000'001ULL, 65'535ULL, 1'048'576ULL}) {
    EXPECT_TRUE(reads_as(fd, "/big", 1, offset, 5'000)) << offset;
  }
  char bytes[200];
  EXPECT_EQ(::pread(fd.get(), bytes, sizeof bytes, kBig - 77), 77);
  EXPECT_EQ(::pread(fd.get(), bytes, sizeof bytes, kBig), 0);
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_HOLE), static_cast<off_t>(kBig)) << "no holes are shown";
}

TEST_P(MountReadingTest, ReadsPastThePageCache) {
  TestMount mount(io());
  const UniqueFd fd = open_file(mount / "big", O_DIRECT);
  const std::size_t size = 1U << 20U;
  const std::unique_ptr<void, void (*)(void*)> buffer(std::aligned_alloc(4'096, size), std::free);
  ASSERT_EQ(::pread(fd.get(), buffer.get(), size, 1 << 20), static_cast<ssize_t>(size));
  EXPECT_TRUE(bytes_are("/big", 1, 1U << 20U, {static_cast<std::byte*>(buffer.get()), size}));
}

TEST_P(MountReadingTest, MapsCompleteAndMissingFiles) {
  TestMount mount(io());
  const UniqueFd done = open_file(mount / "done"), big = open_file(mount / "big");
  const Mapping shared(done, kDone, MAP_SHARED), lazy(big, kBig, MAP_PRIVATE);
  EXPECT_TRUE(bytes_are("/done", 1, 0, shared.bytes(0, kDone)));
  EXPECT_TRUE(bytes_are("/big", 1, 0, lazy.bytes(0, kBig)));
}

TEST_P(MountReadingTest, ServesWithoutStoringWhenTheCacheIsFull) {
  TestMount mount(io());
  EXPECT_TRUE(file_is(mount / "full", "/full", 1, 300'000));
  EXPECT_TRUE(file_is(mount / "full", "/full", 1, 300'000));
}

TEST_P(MountReadingTest, LetsTheKernelReadCompleteFilesByItselfWithPassthroughOnly) {
  TestMount mount(io());
  const UniqueFd fd = open_file(mount / "done");
  EXPECT_TRUE(reads_as(fd, "/done", 1, 0, 4'096));
  const seconds limit = passthrough() ? kSoon : seconds(2);
  EXPECT_EQ(reads_without_the_daemon(mount, fd, kDone - 4'096, limit), passthrough());
}

TEST_P(MountReadingTest, CarriesOnWhenAFileIsCompletedWhileOpen) {
  TestMount mount(io());
  const UniqueFd old = open_file(mount / "big");
  EXPECT_TRUE(reads_as(old, "/big", 1, 0, 65'536));
  const Mapping mapping(old, kBig, MAP_SHARED);
  EXPECT_TRUE(bytes_are("/big", 1, 0, mapping.bytes(0, 5'000)));
  const ino_t ino = stat_of(old).st_ino;

  ASSERT_EQ(mount.ask("complete /big"), "ok");
  UniqueFd fresh;
  EXPECT_TRUE(eventually([&] {
    fresh = open_file(mount / "big");
    return !passthrough() || reads_without_the_daemon(mount, fresh, kBig - 4'096, seconds(2));
  })) << "new opens must become passthrough";
  EXPECT_EQ(stat_of(fresh).st_ino, ino);
  EXPECT_EQ(stat_of(mount / "big").st_ino, ino);
  const Mapping second(fresh, kBig, MAP_SHARED);
  EXPECT_TRUE(bytes_are("/big", 1, 0, second.bytes(0, kBig)));
  EXPECT_TRUE(bytes_are("/big", 1, 0, mapping.bytes(0, kBig))) << "the old mapping";
  EXPECT_TRUE(reads_as(old, "/big", 1, 1'000'000, 500'000)) << "the old handle";
  EXPECT_TRUE(reads_as(fresh, "/big", 1, 1'000'000, 500'000));
}

TEST_P(MountReadingTest, OpensAndClosesOneFileFromManyThreads) {
  TestMount mount(io());
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        const UniqueFd fd = open_file(mount / "done");
        if (!reads_as(fd, "/done", 1, static_cast<std::uint64_t>(round) * 4'096, 4'096)) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(MountReadingTest, ShowsANewVersionAndNeverMixesItWithTheOld) {
  TestMount mount(io());
  const UniqueFd old = open_file(mount / "done");
  EXPECT_TRUE(reads_as(old, "/done", 1, 0, 4'096));
  const ino_t ino = stat_of(old).st_ino;
  ASSERT_EQ(mount.ask("change /done"), "ok");
  ASSERT_TRUE(eventually([&] { return stat_of(mount / "done").st_size == kDone + 1; }));
  EXPECT_EQ(stat_of(mount / "done").st_ino, ino);
  EXPECT_TRUE(file_is(mount / "done", "/done", 2, kDone + 1));
  EXPECT_EQ(stat_of(old).st_size, static_cast<off_t>(kDone)) << "the old version's";
  EXPECT_TRUE(reads_as(old, "/done", 1, kDone - 4'096, 4'096)) << "it was read before";
}

TEST_P(MountReadingTest, LetsAWaitingReaderBeKilledAtOnce) {
  TestMount mount(io());
  ASSERT_EQ(mount.ask("hold /big"), "ok");
  ChildProcess reader({.argv = {"cat", mount / "big"}, .log_file = "/dev/null"});
  ASSERT_EQ(mount.ask("waiters 1"), "ok");
  reader.signal(SIGINT);
  EXPECT_EQ(reader.wait(kSoon), 128 + SIGINT);
}

TEST_P(MountReadingTest, CancelsTheWaiterOfAnInterruptedRead) {
  TestMount mount(io());
  ASSERT_EQ(mount.ask("hold /big"), "ok");
  ChildProcess reader(
      {.argv = {"dd", "if=" + mount / "big", "of=/dev/null", "bs=64K", "count=1", "iflag=direct"},
       .log_file = "/dev/null"});
  ASSERT_EQ(mount.ask("waiters 1"), "ok");
  reader.signal(SIGINT);
  EXPECT_TRUE(reader.wait(kSoon).has_value());
  EXPECT_EQ(mount.ask("cancels 1"), "ok");
  ASSERT_EQ(mount.ask("unhold /big"), "ok");
  EXPECT_TRUE(file_is(mount / "big", "/big", 1, kBig)) << "the next reader gets it";
}

TEST_P(MountReadingTest, LetsAWaitingLookupBeKilledAtOnce) {
  TestMount mount(io());
  ASSERT_EQ(mount.ask("hold /unknown"), "ok");
  ChildProcess reader({.argv = {"cat", mount / "unknown"}, .log_file = "/dev/null"});
  ASSERT_EQ(mount.ask("waiters 1"), "ok");
  reader.signal(SIGTERM);
  EXPECT_EQ(reader.wait(kSoon), 128 + SIGTERM);
  ASSERT_EQ(mount.ask("unhold /unknown"), "ok");
  EXPECT_TRUE(file_is(mount / "unknown", "/unknown", 1, 5'000));
}

TEST_P(MountReadingTest, AnswersOthersWhileAHundredReadersWait) {
  TestMount mount(io());
  ASSERT_EQ(mount.ask("hold /big"), "ok");
  std::vector<std::future<bool>> readers;
  for (std::size_t i = 0; i < 100; ++i) {
    readers.push_back(std::async(std::launch::async, [&, i] {
      const UniqueFd fd = open_file(mount / "big", O_DIRECT);
      const std::unique_ptr<void, void (*)(void*)> buffer(std::aligned_alloc(4'096, 4'096),
                                                          std::free);
      const auto offset = static_cast<off_t>(i * 8'192);
      return ::pread(fd.get(), buffer.get(), 4'096, offset) == 4'096 &&
             bytes_are("/big", 1, i * 8'192, {static_cast<std::byte*>(buffer.get()), 4'096});
    }));
  }
  EXPECT_EQ(mount.ask("waiters 100"), "ok");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(file_is(mount / "done", "/done", 1, kDone));
  EXPECT_EQ(stat_of(mount / "dir/file-7").st_size, 17);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(15));
  EXPECT_EQ(mount.ask("unhold /big"), "ok");
  for (auto& reader : readers) EXPECT_TRUE(reader.get());
}

}  // namespace
}  // namespace lazymirror::testing
