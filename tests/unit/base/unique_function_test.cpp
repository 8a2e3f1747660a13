// SPDX-License-Identifier: Apache-2.0
#include "base/unique_function.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace lazymirror {
namespace {

TEST(UniqueFunctionTest, HoldsWhatCannotBeCopied) {
  UniqueFunction<int(int)> f = [p = std::make_unique<int>(40)](int x) { return *p + x; };
  UniqueFunction<int(int)> g = std::move(f);
  EXPECT_EQ(g(2), 42);
}

TEST(UniqueFunctionTest, KnowsWhetherItHoldsAnything) {
  UniqueFunction<void()> f;
  EXPECT_FALSE(f);
  f = [] {};
  EXPECT_TRUE(f);
  f = nullptr;
  EXPECT_FALSE(f);
}

TEST(UniqueFunctionTest, CapturesDieWithIt) {
  auto shared = std::make_shared<int>(1);
  UniqueFunction<void()> f = [shared] {};
  EXPECT_EQ(shared.use_count(), 2);
  f = nullptr;
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(UniqueFunctionTest, ArgumentsAreMovedThrough) {
  std::string got;
  Completion<std::unique_ptr<int>> done = [&](Result<std::unique_ptr<int>> r) {
    got = r ? std::to_string(**r) : r.error().message;
  };
  done(std::make_unique<int>(7));
  EXPECT_EQ(got, "7");
  done(fail(Errc::io, "broken"));
  EXPECT_EQ(got, "broken");
}

}  // namespace
}  // namespace lazymirror
