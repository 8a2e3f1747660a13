// SPDX-License-Identifier: Apache-2.0
#include "base/entry_name.h"

#include <gtest/gtest.h>

#include <string>

namespace lazymirror {
namespace {

TEST(EntryNameTest, RefusesWhatCannotBeANameOfAFile) {
  for (const std::string_view name :
       {std::string_view(""), std::string_view("."), std::string_view(".."), std::string_view("/"),
        std::string_view("a/b"), std::string_view("../a"), std::string_view("a\0b", 3)}) {
    const auto made = EntryName::make(name);
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code, Errc::invalid);
  }
}

TEST(EntryNameTest, TakesEveryOtherByte) {
  std::string name;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') name += static_cast<char>(byte);
  }
  const auto made = EntryName::make(name);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->str(), name);
}

TEST(EntryNameTest, DotsBesideOtherBytesAreHarmless) {
  for (const std::string_view name : {"...", ".a", "..a", "a..", "\\..\\", " ."}) {
    EXPECT_TRUE(EntryName::make(name)) << name;
  }
}

TEST(EntryNameTest, CountsBytesNotCharacters) {
  EXPECT_TRUE(EntryName::make(std::string(255, 'a')));
  EXPECT_FALSE(EntryName::make(std::string(256, 'a')));
  std::string umlauts;
  for (int i = 0; i < 128; ++i) umlauts += "\xc3\xa4";
  EXPECT_FALSE(EntryName::make(umlauts)) << "128 characters of 2 bytes each";
}

}  // namespace
}  // namespace lazymirror
