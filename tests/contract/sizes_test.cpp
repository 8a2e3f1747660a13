// SPDX-License-Identifier: Apache-2.0
//
// Listings that do not tell sizes, or round them: the right size is shown, and
// asked for in parallel.
#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

struct StyleCase {
  ContractParam contract;
  OracleOrigin::Listing style;
};

void PrintTo(const StyleCase& style, std::ostream* out) { *out << style.contract.front_end.name; }

std::vector<StyleCase> cases() {
  std::vector<StyleCase> all;
  for (const ContractParam& param : over_oracle()) {
    all.push_back({param, OracleOrigin::Listing::rounded});
    all.push_back({param, OracleOrigin::Listing::names_only});
  }
  return all;
}

class UnknownSizes : public ContractBase, public ::testing::WithParamInterface<StyleCase> {
 protected:
  UnknownSizes() : ContractBase(GetParam().contract) { oracle().set_listing(GetParam().style); }
};
INSTANTIATE_TEST_SUITE_P(All, UnknownSizes, ::testing::ValuesIn(cases()), [](const auto& p) {
  return p.param.contract.front_end.name +
         (p.param.style == OracleOrigin::Listing::rounded ? "Rounded" : "NamesOnly");
});

TEST_P(UnknownSizes, AreShownRight) {
  const std::vector<std::uint64_t> sizes{0, 1, 972, 973, 1024, 1'234'567, 5'000'000'000};
  for (const std::uint64_t size : sizes) origin().put("/d/" + std::to_string(size), {.size = size});
  for (const std::uint64_t size : sizes) {
    const auto attr = tree().stat("/d/" + std::to_string(size));
    ASSERT_TRUE(attr) << size;
    EXPECT_EQ(attr->size, size);
  }
}

TEST_P(UnknownSizes, DoNotKeepAFileFromBeingRead) {
  origin().put("/d/f", {.size = 1'234'567});
  EXPECT_TRUE(reads_as("/d/f", 1, 1'234'567));
}

TEST_P(UnknownSizes, ListWithoutAnyRequestForThem) {
  for (int i = 0; i < 300; ++i) origin().put("/d/" + std::to_string(i), {.size = 2000});
  const auto names = tree().list("/d");
  ASSERT_TRUE(names);
  EXPECT_EQ(names->size(), 302u);
}

TEST_P(UnknownSizes, AreAskedForInParallelAndOnce) {
  constexpr int kCount = 120;
  for (int i = 0; i < kCount; ++i) {
    origin().put("/d/" + std::to_string(i), {.size = 100'000u + static_cast<unsigned>(i)});
  }
  ASSERT_TRUE(tree().list("/"));
  oracle().set_delay_ms(500);
  const auto before = std::chrono::steady_clock::now();
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < kCount; ++i) {
      const auto attr = tree().stat("/d/" + std::to_string(i));
      ASSERT_TRUE(attr);
      EXPECT_EQ(attr->size, 100'000u + static_cast<unsigned>(i));
    }
  }
  // One by one they would take 60 s; eight at a time 8 s.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(40));
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(oracle().count("/d/" + std::to_string(i)), 1u);
}

TEST_P(UnknownSizes, ThatCannotBeLearntAreAnErrorAndNeverZero) {
  settings().retries = 0;
  settings().timeout = std::chrono::seconds(5);
  origin().put("/d/f", {.size = 1000});
  oracle().inject("/d/f", {.fault = Fault::status, .value = 503, .times = 0});
  const auto attr = tree().stat("/d/f");
  EXPECT_FALSE(attr) << "size " << attr->size;
  EXPECT_GE(oracle().faults_played(), 1u);
}

}  // namespace
}  // namespace lazymirror::testing
