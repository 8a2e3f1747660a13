// SPDX-License-Identifier: Apache-2.0
//
// kill -9: nobody sees a wrong byte then or later, and what was cached is not
// fetched again.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "integration/integration.h"
#include "integration/recorded.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kSize = 20'000'003;

class ACrash : public Integration {};

TEST_F(ACrash, KeepsWhatWasCachedASecondBefore) {
  origin.put("/f", {.size = kSize});
  auto daemon = mounted();
  ASSERT_TRUE(is_right("/f", kSize));
  ASSERT_TRUE(wait_until_recorded(cache, kSize));
  daemon->kill();
  daemon.reset();
  origin.forget_requests();
  daemon = mounted();
  EXPECT_EQ(attribute(at("/f"), "state"), "cached");
  EXPECT_TRUE(is_right("/f", kSize));
  EXPECT_EQ(origin.body_bytes("/f"), 0u) << "cached bytes were fetched again";
}

TEST_F(ACrash, KeepsInodeNumbersAndTimes) {
  origin.put("/d/f", {.size = 1000});
  auto daemon = mounted();
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(at("/d/f").c_str(), &before), 0);
  daemon->kill();
  daemon.reset();
  daemon = mounted();
  ASSERT_EQ(::stat(at("/d/f").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
}

// Reads at random until told to stop; every byte that comes is compared.
void read_at_random(const std::string& path, unsigned seed, const std::atomic<bool>& stop) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> buffer(300'000);
  while (!stop) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return;
    for (int i = 0; i < 20 && !stop; ++i) {
      const std::uint64_t offset = random() % kSize;
      const ssize_t n = ::pread(fd.get(), buffer.data(), 1 + random() % buffer.size(),
                                static_cast<off_t>(offset));
      if (n < 0) return;  // the daemon has been killed
      EXPECT_TRUE(
          bytes_are("/f", 1, offset, std::span(buffer.data(), static_cast<std::size_t>(n))));
    }
  }
}

class ACrashDuringReads : public ACrash, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(OfEachMode, ACrashDuringReads, ::testing::Values("passthrough", "cached"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(ACrashDuringReads, NeverShowsAWrongByteThenOrLater) {
  origin.put("/f", {.size = kSize});
  std::mt19937 random(7);
  for (int round = 0; round < 6; ++round) {
    auto daemon = mounted({std::string("--io=") + GetParam()});
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (unsigned i = 0; i < 4; ++i) {
      readers.emplace_back(
          [&, i] { read_at_random(at("/f"), 10 * static_cast<unsigned>(round) + i, stop); });
    }
    // The moment of the kill is the input of this test.
    let_pass(std::chrono::milliseconds(20 + random() % 400));
    daemon->kill();
    stop = true;
    unmount_below(mnt);
    for (std::thread& reader : readers) reader.join();
  }
  auto daemon = mounted();
  EXPECT_TRUE(is_right("/f", kSize));
}

TEST_F(ACrash, LeavesAMountThatTheNextStartRecovers) {
  origin.put("/f", {.size = 1000});
  auto daemon = mounted();
  ASSERT_TRUE(is_right("/f", 1000));
  daemon->kill();
  ASSERT_EQ(read_error(at("/f")), ENOTCONN) << "the dead mount is there";
  auto next = mounted();
  EXPECT_TRUE(is_right("/f", 1000));
  EXPECT_EQ(next->terminate(), 0);
  EXPECT_FALSE(mount_at(mnt)) << "nothing is left, of the dead mount neither";
}

TEST_F(ACrash, WhileListingKeepsWholeListings) {
  for (int i = 0; i < 40 * 100; ++i) {
    origin.put("/d" + std::to_string(i / 100) + "/f" + std::to_string(i % 100), {.size = 10});
  }
  for (int round = 0; round < 3; ++round) {
    auto daemon = mounted();
    ChildProcess find({.argv = {"find", mnt, "-type", "f"}, .log_file = work / "find"});
    ASSERT_TRUE(origin.wait_for_requests("/d" + std::to_string(round * 10) + "/", 1));
    daemon->kill();
    unmount_below(mnt);
    find.kill();
  }
  auto daemon = mounted();
  EXPECT_EQ(run_shell("find " + mnt + " -type f -size 10c | wc -l").output, "4000\n");
}

}  // namespace
}  // namespace lazymirror::testing
