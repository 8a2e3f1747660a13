// SPDX-License-Identifier: Apache-2.0
//
// What every front end has fetched before anybody asks for it.
#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

class Ahead : public OracleContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Ahead, ::testing::ValuesIn(over_oracle()), param_name);

constexpr unsigned kPatienceMs = 30'000;

TEST_P(Ahead, OfAWalkAreTheListingsOfSubdirectories) {
  origin().put("/a/d1/f", {.size = 10});
  origin().put("/a/d2/f", {.size = 10});
  ASSERT_TRUE(tree().list("/a"));
  EXPECT_TRUE(oracle().wait_for_requests("/a/d1/", 1, kPatienceMs));
  EXPECT_TRUE(oracle().wait_for_requests("/a/d2/", 1, kPatienceMs));
  EXPECT_EQ(oracle().count("/a/d1/f") + oracle().count("/a/d2/f"), 0u);
}

TEST_P(Ahead, OfSmallFilesReadInTurnAreThoseThatFollow) {
  const auto path = [](int i) { return "/s/f" + std::to_string(10 + i); };
  for (int i = 0; i < 30; ++i) origin().put(path(i), {.size = 5'000});
  ASSERT_TRUE(tree().list("/s"));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(reads_as(path(i), 1, 5'000));
  EXPECT_TRUE(oracle().wait_for_requests(path(15), 1, kPatienceMs));
  for (int i = 10; i < 30; ++i) ASSERT_TRUE(reads_as(path(i), 1, 5'000));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(oracle().count(path(i)), 1u) << path(i);
}

}  // namespace
}  // namespace lazymirror::testing
