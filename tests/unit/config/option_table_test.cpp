// SPDX-License-Identifier: Apache-2.0
#include "config/option_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lazymirror {
namespace {

TEST(OptionTableTest, NamesAndLettersAreUnique) {
  std::set<std::string> names;
  std::set<char> letters;
  for (const OptionSpec& option : option_table()) {
    if (!option.name.empty()) {
      EXPECT_TRUE(names.insert(std::string(option.name)).second) << option.name;
    }
    if (option.letter != 0) {
      EXPECT_TRUE(letters.insert(option.letter).second) << option.letter;
    }
    EXPECT_TRUE(!option.name.empty() || option.letter != 0);
  }
}

TEST(OptionTableTest, GroupsStandTogether) {
  std::set<std::string_view> seen;
  std::string_view last;
  for (const OptionSpec& option : option_table()) {
    if (option.group == last) continue;
    EXPECT_TRUE(seen.insert(option.group).second) << option.group << " is torn apart";
    last = option.group;
  }
}

TEST(OptionTableTest, DefaultsAreReadBackAsTheyAreShown) {
  for (const OptionSpec& option : option_table()) {
    const bool typed = std::holds_alternative<bool Options::*>(option.field) ||
                       std::holds_alternative<unsigned Options::*>(option.field) ||
                       std::holds_alternative<Duration Options::*>(option.field);
    if (!typed || !option.default_text.empty()) continue;
    Options options;
    EXPECT_TRUE(set_option(option, shown_default(option), options)) << option.name;
  }
}

TEST(OptionTableTest, DefaultsAreAmongTheChoices) {
  for (const OptionSpec& option : option_table()) {
    if (option.value.find('|') == option.value.npos) continue;
    Options options;
    EXPECT_TRUE(set_option(option, shown_default(option), options)) << option.name;
  }
}

TEST(OptionTableTest, PasswordsAreSecret) {
  for (const OptionSpec& option : option_table()) {
    if (option.name.find("password") != option.name.npos) {
      EXPECT_TRUE(option.is(OptionSpec::kSecret)) << option.name;
    }
  }
}

TEST(OptionTableTest, NearestNameIsFoundOrNothing) {
  EXPECT_EQ(nearest_option("cahce-location"), "cache-location");
  EXPECT_EQ(nearest_option("time-out"), "timeout");
  EXPECT_EQ(nearest_option("insecure"), "insecure-tls");
  EXPECT_EQ(nearest_option("foregruond"), "foreground");
  EXPECT_EQ(nearest_option("completely-different"), "");
  EXPECT_EQ(nearest_option(""), "");
}

}  // namespace
}  // namespace lazymirror
