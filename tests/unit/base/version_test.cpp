// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

const Version kBare{10, "", std::nullopt};
const Version kDated{10, "", 1000};
const Version kTagged{10, "\"a\"", std::nullopt};
const Version kBoth{10, "\"a\"", 1000};

TEST(VersionTest, EveryVersionIsItself) {
  for (const Version& v : {kBare, kDated, kTagged, kBoth}) EXPECT_TRUE(same_version(v, v));
}

TEST(VersionTest, AnotherSizeIsAnotherVersion) {
  for (Version v : {kBare, kDated, kTagged, kBoth}) {
    Version other = v;
    other.size = 11;
    EXPECT_FALSE(same_version(v, other));
  }
}

TEST(VersionTest, AnotherValidatorIsAnotherVersion) {
  EXPECT_FALSE(same_version(kTagged, {10, "\"b\"", std::nullopt}));
  EXPECT_FALSE(same_version(kDated, {10, "", 1001}));
}

TEST(VersionTest, AnAnswerWithoutTheKnownValidatorIsNotTrusted) {
  EXPECT_FALSE(same_version(kTagged, kBare));
  EXPECT_FALSE(same_version(kTagged, kDated));
  EXPECT_FALSE(same_version(kDated, kBare));
  EXPECT_FALSE(same_version(kDated, kTagged));
}

TEST(VersionTest, AStrongTagDecidesAlone) {
  EXPECT_TRUE(same_version(kBoth, kTagged));
  EXPECT_TRUE(same_version(kBoth, {10, "\"a\"", 2000}));
}

TEST(VersionTest, WithoutAnyValidatorTheSizeDecides) {
  EXPECT_TRUE(same_version(kBare, kDated));
  EXPECT_TRUE(same_version(kBare, kBoth));
}

TEST(VersionTest, ASizeAloneIsNoValidator) {
  EXPECT_FALSE(kBare.has_validator());
  EXPECT_TRUE(kDated.has_validator());
  EXPECT_TRUE(kTagged.has_validator());
}

}  // namespace
}  // namespace lazymirror
