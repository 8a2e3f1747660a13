// SPDX-License-Identifier: Apache-2.0
//
// A reader who waits for a silent origin can always be interrupted.
#include <signal.h>

#include <cstring>
#include <future>

#include "contract/contract_test.h"
#include "support/child_process.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSize = 3'000'001;
// For a busy machine; without the signal it is minutes.
constexpr seconds kSoon(30);

class Interrupts : public MountedContractTest {
 protected:
  Interrupts() {
    settings().timeout = seconds(120);
    origin().put("/d/f", {.size = kSize});
    oracle().inject("/d/f", {.fault = Fault::stall_before_head, .times = 0, .method = "GET"});
  }
};
INSTANTIATE_TEST_SUITE_P(All, Interrupts, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(Interrupts, ByCtrlCEndAReadAtOnce) {
  ChildProcess cat({.argv = {"cat", local("/d/f")}, .log_file = work_ / "cat"});
  ASSERT_TRUE(oracle().wait_for_requests("/d/f", 1));
  cat.signal(SIGINT);
  EXPECT_EQ(cat.wait(kSoon), 128 + SIGINT);
}

TEST_P(Interrupts, ByKillEndAReadAtOnce) {
  ChildProcess cat({.argv = {"cat", local("/d/f")}, .log_file = work_ / "cat"});
  ASSERT_TRUE(oracle().wait_for_requests("/d/f", 1));
  cat.signal(SIGKILL);
  EXPECT_EQ(cat.wait(kSoon), 128 + SIGKILL);
}

TEST_P(Interrupts, ByCtrlCEndAListingAtOnce) {
  // Before the first look: a listing makes those below be asked for.
  oracle().inject("/d/", {.fault = Fault::stall_before_head, .times = 0});
  ASSERT_TRUE(tree().list("/"));
  ChildProcess ls({.argv = {"ls", local("/d")}, .log_file = work_ / "ls"});
  ASSERT_TRUE(oracle().wait_for_requests("/d/", 1));
  ls.signal(SIGINT);
  EXPECT_EQ(ls.wait(kSoon), 128 + SIGINT);
}

TEST_P(Interrupts, OfOneReaderLeaveTheOthers) {
  ChildProcess one({.argv = {"cat", local("/d/f")}, .log_file = work_ / "one"});
  ASSERT_TRUE(oracle().wait_for_requests("/d/f", 1));
  auto other = std::async(std::launch::async, [&] { return read("/d/f"); });
  one.signal(SIGINT);
  EXPECT_EQ(one.wait(kSoon), 128 + SIGINT);
  oracle().clear_faults();
  while (other.wait_for(milliseconds(20)) != std::future_status::ready) oracle().unstall();
  const auto bytes = other.get();
  ASSERT_TRUE(bytes) << std::strerror(bytes.error());
  EXPECT_EQ(bytes->size(), kSize);
  EXPECT_TRUE(bytes_are("/d/f", 1, 0, *bytes));
}

TEST_P(Interrupts, OfManyReadersLeaveADaemonThatCanEnd) {
  (void)tree();
  std::vector<std::unique_ptr<ChildProcess>> readers;
  for (int i = 0; i < 30; ++i) {
    readers.push_back(std::make_unique<ChildProcess>(
        ChildOptions{.argv = {"cat", local("/d/f")}, .log_file = work_ / "cat"}));
  }
  ASSERT_TRUE(oracle().wait_for_requests("/d/f", 1));
  for (auto& reader : readers) reader->signal(SIGINT);
  for (auto& reader : readers) EXPECT_EQ(reader->wait(kSoon), 128 + SIGINT);
  // The end of the test asks the daemon to stop, with its transfers stalled.
}

}  // namespace
}  // namespace lazymirror::testing
