// SPDX-License-Identifier: Apache-2.0
//
// An origin that says nothing: every call ends by its deadline.
#include <cstring>
#include <future>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t kSize = 3'000'001;

class Stalls : public OracleContractTest {
 protected:
  Stalls() {
    settings().timeout = seconds(6);  // also of what prepares a test
    settings().retries = 0;
    origin().put("/d/f", {.size = kSize});
    origin().put("/d/g", {.size = kSize});
  }

  // The deadline, and what a busy machine may take; without one it is minutes.
  template <typename F>
  void within_deadline(F&& call) {
    const auto before = SteadyClock::now();
    call();
    EXPECT_LT(SteadyClock::now() - before, seconds(40));
  }

  void heal() {
    oracle().clear_faults();
    oracle().unstall();
  }
};
INSTANTIATE_TEST_SUITE_P(All, Stalls, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(Stalls, BeforeTheHeadEndAReadWithATimeout) {
  ASSERT_TRUE(tree().stat("/d/f"));
  oracle().inject("/d/f", {.fault = Fault::stall_before_head, .times = 0});
  within_deadline([&] {
    const auto bytes = read("/d/f");
    ASSERT_FALSE(bytes);
    EXPECT_TRUE(is_timeout(bytes.error())) << std::strerror(bytes.error());
  });
  EXPECT_GE(oracle().faults_played(), 1u);
  heal();
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(reads_as("/d/f", 1, kSize)); }));
}

TEST_P(Stalls, InTheBodyGiveWhatCameAndThenATimeout) {
  const auto file = tree().open("/d/f");
  ASSERT_TRUE(file);
  oracle().inject("/d/f",
                  {.fault = Fault::stall_in_body, .value = 300'000, .times = 0, .method = "GET"});
  within_deadline([&] {
    const auto first = read(**file, 0, 100);
    ASSERT_TRUE(first) << "bytes that have come need no more";
    EXPECT_TRUE(bytes_are("/d/f", 1, 0, *first));
  });
  within_deadline([&] {
    const auto later = read(**file, 2'900'000, 100);
    EXPECT_TRUE(!later || bytes_are("/d/f", 1, 2'900'000, *later));
  });
  EXPECT_GE(oracle().faults_played(), 1u);
  heal();
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(reads_as("/d/f", 1, kSize)); }));
}

TEST_P(Stalls, OfAListingEndWithATimeout) {
  // Before the first look: a listing makes those below be asked for.
  oracle().inject("/d/", {.fault = Fault::stall_before_head, .times = 0});
  ASSERT_TRUE(tree().list("/"));
  within_deadline([&] {
    const auto names = tree().list("/d");
    ASSERT_FALSE(names);
    EXPECT_TRUE(is_timeout(names.error())) << std::strerror(names.error());
  });
  within_deadline([&] {
    const auto attr = tree().stat("/d/f");
    ASSERT_FALSE(attr);
    EXPECT_TRUE(is_timeout(attr.error())) << std::strerror(attr.error());
  });
  heal();
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(tree().list("/d")); }));
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(reads_as("/d/f", 1, kSize)); }));
}

// In place a size is learnt before the name is shown.
class SizeStalls : public Stalls {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SizeStalls);  // where all trees are in place
INSTANTIATE_TEST_SUITE_P(All, SizeStalls, ::testing::ValuesIn(not_in_place(over_oracle())),
                         param_name);

TEST_P(SizeStalls, EndWithATimeout) {
  oracle().set_listing(OracleOrigin::Listing::names_only);
  ASSERT_TRUE(tree().list("/d"));
  oracle().inject("/d/f", {.fault = Fault::stall_before_head, .times = 0});
  within_deadline([&] {
    const auto attr = tree().stat("/d/f");
    ASSERT_FALSE(attr);
    EXPECT_TRUE(is_timeout(attr.error())) << std::strerror(attr.error());
  });
  Outcome<Attr> attr;
  EXPECT_TRUE(eventually([&] {
    attr = tree().stat("/d/g");
    return static_cast<bool>(attr);
  }));
  ASSERT_TRUE(attr) << std::strerror(attr.error());
  EXPECT_EQ(attr->size, kSize) << "another file's size has nothing to do with it";
}

TEST_P(Stalls, LeaveCachedFilesAndOtherFilesAlone) {
  settings().timeout = seconds(50);
  ASSERT_TRUE(reads_as("/d/g", 1, kSize));
  oracle().inject("/d/f", {.fault = Fault::stall_before_head, .times = 0});
  auto stuck = std::async(std::launch::async, [&] { return read("/d/f"); });
  ASSERT_TRUE(oracle().wait_for_requests("/d/f", 1));
  const auto before = SteadyClock::now();
  EXPECT_TRUE(reads_as("/d/g", 1, kSize));
  EXPECT_TRUE(tree().list("/d"));
  EXPECT_TRUE(tree().stat("/d/f"));
  EXPECT_LT(SteadyClock::now() - before, seconds(30));
  EXPECT_EQ(stuck.wait_for(seconds(0)), std::future_status::timeout);
  heal();
  (void)stuck.get();
}

}  // namespace
}  // namespace lazymirror::testing
