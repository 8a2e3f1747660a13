// SPDX-License-Identifier: Apache-2.0
//
// How soon a change at the origin is seen, and a network that goes and comes
// back.
#include <algorithm>
#include <cstring>
#include <future>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSize = 1'000'003;

class StrictTtl : public ContractTest {
 protected:
  StrictTtl() {
    settings().ttl = milliseconds(500);
    settings().strict_ttl = true;
  }
  // The listing of `directory` has expired.
  static void expire() { let_pass(milliseconds(700)); }

  std::vector<std::string> names(const std::string& directory) {
    std::vector<std::string> names;
    const auto listed = tree().list(directory);
    if (!listed) return {"errno " + std::to_string(listed.error())};
    for (const Name& name : *listed) {
      if (!name.name.starts_with('.')) names.push_back(name.name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};
INSTANTIATE_TEST_SUITE_P(All, StrictTtl, ::testing::ValuesIn(over_all_servers()), param_name);

TEST_P(StrictTtl, ShowsAChangeAtTheFirstLookAfterIt) {
  using ::testing::ElementsAre;
  origin().put("/d/a", {.size = 10});
  origin().put("/d/goes", {.size = 10});
  ASSERT_THAT(names("/d"), ElementsAre("a", "goes"));
  origin().put("/d/b", {.size = 20});
  origin().remove("/d/goes");
  expire();
  EXPECT_THAT(names("/d"), ElementsAre("a", "b"));
  EXPECT_FALSE(tree().stat("/d/goes"));
  EXPECT_TRUE(reads_as("/d/b", 1, 20));
  origin().put("/d/a", {.size = 3000, .version = 2, .mtime = 1'700'009'000});
  expire();
  look_for_changes("/d");
  EXPECT_EQ(tree().stat("/d/a")->size, 3000u);
  EXPECT_TRUE(reads_as("/d/a", 2, 3000));
}

// In place a name is looked for by the kernel alone.
class AbsentNames : public OracleContractTest {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AbsentNames);
INSTANTIATE_TEST_SUITE_P(All, AbsentNames, ::testing::ValuesIn(not_in_place(over_oracle())),
                         param_name);

TEST_P(AbsentNames, AreLookedForAgainAfterATimeOfTheirOwn) {
  settings().ttl = hours(1);
  settings().negative_ttl = milliseconds(500);
  origin().put("/d/a", {.size = 10});
  ASSERT_TRUE(tree().stat("/d/a"));
  ASSERT_FALSE(tree().stat("/d/new"));
  origin().put("/d/new", {.size = 20});
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(tree().stat("/d/new")); }));
  EXPECT_TRUE(reads_as("/d/new", 1, 20));
}

class NetworkAway : public OracleContractTest {
 protected:
  NetworkAway() {
    settings().timeout = seconds(120);
    settings().retries = 0;
    origin().put("/d/cached", {.size = kSize});
    origin().put("/d/missing", {.size = kSize});
    origin().put("/e/f", {.size = kSize});
  }
};
INSTANTIATE_TEST_SUITE_P(All, NetworkAway, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(NetworkAway, ReadersWhoWaitGetTheirBytesWhenItComesBack) {
  ASSERT_TRUE(reads_as("/d/cached", 1, kSize));
  oracle().stop();
  auto reader = std::async(std::launch::async, [&] { return read("/d/missing"); });
  auto walker = std::async(std::launch::async, [&] { return tree().stat("/e/f"); });
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(reads_as("/d/cached", 1, kSize)) << "what is there needs no network";
    EXPECT_TRUE(tree().stat("/d/missing"));
    EXPECT_TRUE(tree().list("/d"));
  }
  EXPECT_EQ(reader.wait_for(seconds(0)), std::future_status::timeout) << "there was no error yet";
  oracle().restart();
  const auto bytes = reader.get();
  ASSERT_TRUE(bytes) << std::strerror(bytes.error());
  EXPECT_EQ(bytes->size(), kSize);
  EXPECT_TRUE(bytes_are("/d/missing", 1, 0, *bytes));
  const auto attr = walker.get();
  ASSERT_TRUE(attr) << std::strerror(attr.error());
  EXPECT_EQ(attr->size, kSize);
}

TEST_P(NetworkAway, ReadersWhoWaitInVainGetAnErrorAtTheDeadline) {
  settings().timeout = seconds(6);  // the listing comes within it
  ASSERT_TRUE(tree().list("/d"));
  oracle().stop();
  const auto bytes = read("/d/missing");
  ASSERT_FALSE(bytes);
  EXPECT_TRUE(is_timeout(bytes.error())) << std::strerror(bytes.error());
  oracle().restart();
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(reads_as("/d/missing", 1, kSize)); }));
}

}  // namespace
}  // namespace lazymirror::testing
