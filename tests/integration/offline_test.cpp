// SPDX-License-Identifier: Apache-2.0
//
// An origin that is not there: at the start, later, and back again.
#include "integration/integration.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;
using ::testing::HasSubstr;

class Offline : public Integration {
 protected:
  Offline() {
    origin.put("/d/cached", {.size = 500'000});
    origin.put("/d/missing", {.size = 500'000});
  }
  static inline const std::vector<std::string> kQuick{"--retries=0", "--timeout=3s"};

  void fill() {
    auto daemon = mounted();
    ASSERT_TRUE(is_right("/d/cached", 500'000));
    ASSERT_EQ(daemon->terminate(), 0);
  }
};

TEST_F(Offline, AtTheStartWithAnEmptyCacheFailsEarlyAndSaysSo) {
  origin.stop();
  const auto before = SteadyClock::now();
  const auto result =
      run({"mount", "--foreground", "--retries=0", "--cache-location=" + cache, origin.url(), mnt});
  EXPECT_EQ(result.status, 1);
  EXPECT_LT(SteadyClock::now() - before, seconds(15));
  EXPECT_THAT(result.output, HasSubstr(origin.url()));
  EXPECT_THAT(result.output, HasSubstr("check the address"));
  EXPECT_FALSE(mount_at(mnt));
}

TEST_F(Offline, AtTheStartWithAFilledCacheServesWhatItHas) {
  fill();
  origin.stop();
  auto daemon = mounted(kQuick);
  EXPECT_TRUE(is_right("/d/cached", 500'000));
  EXPECT_EQ(run_shell("ls " + at("/d")).output, "cached\nmissing\n");
  const auto before = SteadyClock::now();
  EXPECT_NE(read_error(at("/d/missing")), 0);
  EXPECT_LT(SteadyClock::now() - before, seconds(15));
  EXPECT_THAT(daemon->log(), HasSubstr("cannot be reached"));
}

TEST_F(Offline, AsItWasToldToBeItAsksNobody) {
  fill();
  origin.forget_requests();
  auto daemon = mounted({"--offline", "--timeout=2min"});
  EXPECT_TRUE(is_right("/d/cached", 500'000));
  EXPECT_EQ(run_shell("ls " + at("/d")).output, "cached\nmissing\n");
  const auto before = SteadyClock::now();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(read_error(at("/d/missing")), EIO);
  EXPECT_LT(SteadyClock::now() - before, seconds(60));
  EXPECT_TRUE(origin.requests().empty());
  EXPECT_THAT(daemon->log(), HasSubstr("ENETUNREACH"));
  EXPECT_LT(daemon->log().size(), 5'000u) << "it is told once a minute";
}

TEST_F(Offline, ComesBackWithoutARestart) {
  fill();
  origin.stop();
  auto daemon = mounted(kQuick);
  ASSERT_NE(read_error(at("/d/missing")), 0);
  origin.restart();
  EXPECT_TRUE(
      eventually([&] { return static_cast<bool>(is_right("/d/missing", 500'000)); }, seconds(60)));
}

TEST_F(Offline, InTheMiddleLeavesCachedFilesReadable) {
  auto daemon = mounted({"--retries=0", "--timeout=3s", "--ttl=1s"});
  ASSERT_TRUE(is_right("/d/cached", 500'000));
  origin.stop();
  // Beyond the TTL as well: an old listing is better than none.
  const auto end = SteadyClock::now() + milliseconds(2500);
  while (SteadyClock::now() < end) {
    const auto before = SteadyClock::now();
    ASSERT_TRUE(is_right("/d/cached", 500'000));
    ASSERT_EQ(run_shell("ls " + at("/d")).output, "cached\nmissing\n");
    EXPECT_LT(SteadyClock::now() - before, seconds(15));
  }
  const auto before = SteadyClock::now();
  EXPECT_NE(read_error(at("/d/missing")), 0);
  EXPECT_LT(SteadyClock::now() - before, seconds(15));
  origin.restart();
  EXPECT_TRUE(
      eventually([&] { return static_cast<bool>(is_right("/d/missing", 500'000)); }, seconds(60)));
}

TEST_F(Offline, InTheMiddleOfAStreamEndsTheReadWithAnError) {
  constexpr std::uint64_t kBig = 64u << 20;
  origin.put("/big", {.size = kBig});
  // Most of it is still to come when the origin goes: each answer stops on its way.
  origin.inject("/big", {.fault = Fault::stall_in_body, .value = 1u << 20, .times = 0});
  auto daemon = mounted(kQuick);
  ChildProcess cat({.argv = {"sha256sum", at("/big")}, .log_file = work / "cat"});
  ASSERT_TRUE(eventually([&] { return origin.body_bytes("/big") > 0; }));
  origin.stop();
  const auto status = cat.wait(seconds(60));
  ASSERT_TRUE(status) << "the reader is stuck";
  EXPECT_NE(*status, 0) << "a truncated file";
  origin.clear_faults();
  origin.restart();
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(is_right("/big", kBig)); }, seconds(120)));
}

TEST_F(Offline, ADirectoryNeverListedIsAnErrorAndNotEmpty) {
  origin.put("/unseen/f", {.size = 10});
  fill();
  origin.stop();
  auto daemon = mounted(kQuick);
  EXPECT_NE(run_command({"ls", at("/unseen")}).status, 0);
}

}  // namespace
}  // namespace lazymirror::testing
