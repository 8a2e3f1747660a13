// SPDX-License-Identifier: Apache-2.0
#include "http/proxy_choice.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(10)};

ProxyChoice choice_of(const std::string& list) {
  auto choice = ProxyChoice::parse(list);
  EXPECT_TRUE(choice) << list;
  return choice ? std::move(*choice) : ProxyChoice();
}

TEST(ProxyChoiceTest, WithoutAnyTheEnvironmentDecides) {
  EXPECT_FALSE(choice_of("").current(kStart));
  EXPECT_FALSE(ProxyChoice().failed("http://a", kStart));
}

TEST(ProxyChoiceTest, TheFirstIsUsedWhileItCanBeReached) {
  EXPECT_EQ(choice_of(" http://a:1 ,\thttp://b:2").current(kStart), "http://a:1");
}

TEST(ProxyChoiceTest, DirectIsNoProxyAtAll) {
  EXPECT_EQ(choice_of("direct").current(kStart), "");
  EXPECT_EQ(choice_of("Direct,http://a").current(kStart), "");
}

TEST(ProxyChoiceTest, OneThatFailedIsPassedOverAndGoneBackTo) {
  ProxyChoice choice = choice_of("a,b");
  EXPECT_TRUE(choice.failed("a", kStart)) << "the other one is left";
  EXPECT_EQ(choice.current(kStart), "b");
  EXPECT_EQ(choice.current(kStart + ProxyChoice::kPassedOver - Duration(1)), "b");
  EXPECT_EQ(choice.current(kStart + ProxyChoice::kPassedOver), "a");
}

TEST(ProxyChoiceTest, WhenAllHaveFailedTheirTurnGoesRound) {
  ProxyChoice choice = choice_of("a,b,direct");
  EXPECT_TRUE(choice.failed("a", kStart));
  EXPECT_TRUE(choice.failed("b", kStart + Duration(1)));
  EXPECT_FALSE(choice.failed("", kStart + Duration(2)));
  EXPECT_EQ(choice.current(kStart + Duration(3)), "a");
  EXPECT_FALSE(choice.failed("a", kStart + Duration(4)));
  EXPECT_EQ(choice.current(kStart + Duration(5)), "b");
}

TEST(ProxyChoiceTest, OneThatWorksIsUsableAtOnce) {
  ProxyChoice choice = choice_of("a,b");
  static_cast<void>(choice.failed("a", kStart));
  choice.worked("a");
  EXPECT_EQ(choice.current(kStart), "a");
}

TEST(ProxyChoiceTest, WhatIsNoProxyIsRefused) {
  for (const std::string list : {"http://a b:99999999", "a,,b", "http://ok,http://a b", ","}) {
    const auto choice = ProxyChoice::parse(list);
    ASSERT_FALSE(choice) << list;
    EXPECT_EQ(choice.error().code, Errc::invalid) << list;
  }
}

}  // namespace
}  // namespace lazymirror
