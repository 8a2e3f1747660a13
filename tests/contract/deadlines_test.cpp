// SPDX-License-Identifier: Apache-2.0
//
// What waits for an origin that says nothing ends by its deadline, and by a
// signal at once, whatever the system call; what needs nothing never waits.
#include <signal.h>
#include <sys/statvfs.h>

#include <cstring>
#include <fstream>
#include <string>

#include "contract/contract_test.h"
#include "support/child_process.h"

namespace lazymirror::testing {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t kSize = 3'000'001, kSmall = 5'000;
// Limits for a busy machine; without the deadline or the signal it is minutes.
constexpr seconds kSoon(30);

// A page fault in the middle of a mapping.
constexpr const char* kTouch =
    "import mmap, signal, sys\n"
    "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    "file = open(sys.argv[1], 'rb')\n"
    "print(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[2000000])\n";

class SilentOrigin : public MountedContractTest {
 protected:
  SilentOrigin() {
    settings().retries = 0;
    origin().put("/d/f", {.size = kSize});
    origin().put("/d/small", {.size = kSmall});
    origin().put("/e/f", {.size = kSize});
  }

  void silence(const std::string& path) {
    oracle().inject(path, {.fault = Fault::stall_before_head, .times = 0, .method = "GET"});
  }
  std::unique_ptr<ChildProcess> start(std::vector<std::string> argv) {
    return std::make_unique<ChildProcess>(
        ChildOptions{.argv = std::move(argv), .log_file = work_ / "child"});
  }
  std::unique_ptr<ChildProcess> touch(const std::string& path) {
    return start({"python3", "-c", kTouch, local(path)});
  }
  // It ends with an error, and by itself.
  static ::testing::AssertionResult fails_in_time(ChildProcess& child) {
    const auto status = child.wait(kSoon);
    if (!status) return ::testing::AssertionFailure() << "it is stuck";
    if (*status == 0) return ::testing::AssertionFailure() << "there was nothing to be had";
    return ::testing::AssertionSuccess() << "status " << *status;
  }
};

// --- deadlines ---

class Deadlines : public SilentOrigin {
 protected:
  Deadlines() { settings().timeout = seconds(6); }  // also of what prepares a test
};
INSTANTIATE_TEST_SUITE_P(All, Deadlines, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(Deadlines, EndThePageFaultOfAMapping) {
  ASSERT_TRUE(tree().list("/d"));
  silence("/d/f");
  const auto child = touch("/d/f");
  EXPECT_TRUE(fails_in_time(*child));
  // In place the mapping itself waits, and cannot be made.
  const int expected = GetParam().front_end.in_place ? 1 : 128 + SIGBUS;
  EXPECT_EQ(child->wait(kSoon), expected) << child->log();
}

TEST_P(Deadlines, EndTheOpenOrTheReadOfASmallFile) {
  ASSERT_TRUE(tree().list("/d"));
  silence("/d/small");
  const auto bytes = read("/d/small");
  ASSERT_FALSE(bytes);
  EXPECT_TRUE(is_timeout(bytes.error())) << std::strerror(bytes.error());
}

TEST_P(Deadlines, EndAWalkThroughADirectoryNeverListed) {
  silence("/e/");
  const auto attr = tree().stat("/e/f");
  ASSERT_FALSE(attr);
  EXPECT_TRUE(is_timeout(attr.error())) << std::strerror(attr.error());
  const auto file = tree().open("/e/f");
  ASSERT_FALSE(file);
  EXPECT_TRUE(is_timeout(file.error())) << std::strerror(file.error());
}

// --- nothing to wait for ---

class NeverWaiting : public SilentOrigin {
 protected:
  NeverWaiting() {
    settings().timeout = seconds(120);
    settings().ttl = std::chrono::milliseconds(100);
  }
};
INSTANTIATE_TEST_SUITE_P(All, NeverWaiting, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(NeverWaiting, AreStatfsAndTheAttributesOfWhatIsKnown) {
  ASSERT_TRUE(tree().list("/d"));
  ASSERT_TRUE(reads_as("/d/small", 1, kSmall));
  for (const char* path : {"/", "/d/", "/e/", "/d/f"}) silence(path);
  const auto reader = start({"cat", local("/d/f")});
  ASSERT_TRUE(oracle().wait_for_requests("/d/f", 1));
  const auto before = SteadyClock::now();
  for (int i = 0; i < 10; ++i) {
    struct statvfs info {};
    EXPECT_EQ(::statvfs(local("/").c_str(), &info), 0);
    EXPECT_EQ(::statvfs(local("/d/f").c_str(), &info), 0);
    EXPECT_GT(info.f_blocks, 0u);
    EXPECT_TRUE(tree().stat("/"));
    EXPECT_TRUE(tree().stat("/d"));
    EXPECT_TRUE(tree().stat("/d/f"));
    EXPECT_TRUE(tree().list("/d"));
    EXPECT_TRUE(reads_as("/d/small", 1, kSmall));
  }
  EXPECT_LT(SteadyClock::now() - before, seconds(60));
  EXPECT_TRUE(reader->running()) << "it is the one who waits";
}

// --- signals ---

class Signals : public SilentOrigin {
 protected:
  Signals() { settings().timeout = seconds(120); }

  // Where in the kernel it waits: proc_pid_wchan(5), which an ordinary user may read of
  // his own processes too. (The origin may have been asked before it came so far.)
  static bool waits_for_us(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/wchan");
    std::string place;
    std::getline(file, place);
    for (const char* ours : {"request_wait_answer", "fuse_", "autofs_", "fanotify_", "folio_"}) {
      if (place.find(ours) != std::string::npos) return true;
    }
    return false;
  }

  void interrupts(std::vector<std::string> argv, const std::string& waits_for) {
    const auto child = start(std::move(argv));
    ASSERT_TRUE(oracle().wait_for_requests(waits_for, 1));
    ASSERT_TRUE(eventually([&] { return waits_for_us(child->pid()); })) << child->log();
    child->signal(SIGINT);
    EXPECT_EQ(child->wait(kSoon), 128 + SIGINT) << child->log();
  }
};
INSTANTIATE_TEST_SUITE_P(All, Signals, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(Signals, EndTheListingOfADirectory) {
  silence("/e/");
  interrupts({"ls", local("/e")}, "/e/");
}

TEST_P(Signals, EndTheLookupOfAName) {
  silence("/e/");
  interrupts({"stat", local("/e/f")}, "/e/");
}

TEST_P(Signals, EndTheOpenOfAFile) {
  silence("/e/");
  interrupts({"cat", local("/e/f")}, "/e/");
}

TEST_P(Signals, EndThePageFaultOfAMapping) {
  ASSERT_TRUE(tree().list("/d"));
  silence("/d/f");
  interrupts({"python3", "-c", kTouch, local("/d/f")}, "/d/f");
}

}  // namespace
}  // namespace lazymirror::testing
