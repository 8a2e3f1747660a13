// SPDX-License-Identifier: Apache-2.0
#include "config/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace lazymirror {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> shown(std::string_view text) {
  const auto items = parse_config(text);
  if (!items) return {"error: " + items.error().message};
  std::vector<std::string> out;
  for (const ConfigItem& item : *items) {
    out.push_back(std::to_string(item.line) + " " + item.key + "=" + item.value);
  }
  return out;
}

std::string error_in(std::string_view text) {
  const auto items = parse_config(text);
  return items ? "" : items.error().message;
}

TEST(ConfigFileTest, ReadsBareWordsCommentsAndHeadings) {
  EXPECT_THAT(shown("# top\n"
                    "\n"
                    "  ttl = 5min   # beside\n"
                    "[origin]\n"
                    "netrc=true\r\n"
                    "user-agent = two words"),
              ElementsAre("3 ttl=5min", "5 netrc=true", "6 user-agent=two words"));
}

TEST(ConfigFileTest, QuotesKeepHashesCommasAndBlanks) {
  EXPECT_THAT(shown(R"(password = "a # b, \"c\" \\d")"),
              ElementsAre(R"(1 password=a # b, "c" \d)"));
  EXPECT_THAT(shown(R"(password = 'a\b"#')"), ElementsAre(R"(1 password=a\b"#)"));
  EXPECT_THAT(shown("proxy = \"\""), ElementsAre("1 proxy="));
}

TEST(ConfigFileTest, ListsGiveSeveralValuesAlsoOnSeveralLines) {
  EXPECT_THAT(shown("header = [\"A: 1\", 'B: 2']"), ElementsAre("1 header=A: 1", "1 header=B: 2"));
  EXPECT_THAT(shown("header = [  # all of them\n  \"A: 1\",\n\n  \"B: ]\",  # last\n]\nttl = 1s"),
              ElementsAre("2 header=A: 1", "4 header=B: ]", "6 ttl=1s"));
  EXPECT_THAT(shown("header = []"), ElementsAre());
}

TEST(ConfigFileTest, EmptyFilesAreFine) {
  EXPECT_THAT(shown(""), ElementsAre());
  EXPECT_THAT(shown("\n\n# only this"), ElementsAre());
}

TEST(ConfigFileTest, MistakesAreSentencesWithTheirLine) {
  EXPECT_THAT(error_in("ttl\n"), HasSubstr("line 1: 'ttl' is not of the form KEY = VALUE"));
  EXPECT_THAT(error_in("\nttl =\n"), HasSubstr("line 2: 'ttl' has no value"));
  EXPECT_THAT(error_in("= 5"), HasSubstr("line 1"));
  EXPECT_THAT(error_in("password = \"abc\n"), HasSubstr("closing \" is missing"));
  EXPECT_THAT(error_in("password = \"a\\n\""), HasSubstr("after \\"));
  EXPECT_THAT(error_in("password = \"a\" b\n"), HasSubstr("something follows"));
  EXPECT_THAT(error_in("header = [\"a\" \"b\"]"), HasSubstr("','"));
  EXPECT_THAT(error_in("header = [\"a\",\n"), HasSubstr("without ']'"));
  EXPECT_THAT(error_in("[nonsense]"), HasSubstr("[nonsense] is no heading"));
  EXPECT_THAT(error_in("[origin"), HasSubstr("without ']'"));
  EXPECT_THAT(error_in("[origin] ttl = 5"), HasSubstr("line 1"));
  EXPECT_THAT(error_in("password = \"\\"), HasSubstr("line 1"));
}

TEST(ConfigFileTest, AnyBytesAreReadOrRefusedWithoutHarm) {
  const std::string valid = "header = [\"A: 1\", 'B'] # x\n[cache]\nttl = 5 \\ \"\n";
  for (std::size_t cut = 0; cut <= valid.size(); ++cut) {
    for (const char byte : {'"', '\'', '[', ']', '=', ',', '#', '\n', '\\', '\0'}) {
      (void)parse_config(valid.substr(0, cut) + byte + valid.substr(cut));
      (void)parse_config(valid.substr(0, cut) + byte);
    }
  }
}

class AppliedConfigTest : public testing::Test {
 protected:
  AppliedConfigTest() {
    std::string name = "/tmp/lm-config-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~AppliedConfigTest() override { std::filesystem::remove_all(directory_); }

  std::string error_of(const std::string& text) {
    std::ofstream(path()) << text;
    const auto applied = apply_config_file(path(), options_);
    return applied ? "" : applied.error().message;
  }
  std::string path() { return directory_ + "/x.conf"; }

  std::string directory_;
  Options options_;
};

TEST_F(AppliedConfigTest, SetsOptions) {
  EXPECT_EQ(error_of("[Cache]\ncache_location = /c\n[origin]\nnetrc = yes\nconnections = 3\n"), "");
  EXPECT_EQ(options_.cache_location, "/c");
  EXPECT_TRUE(options_.netrc);
  EXPECT_EQ(options_.connections, 3u);
}

TEST_F(AppliedConfigTest, BadValuesNameFileLineAndForms) {
  EXPECT_THAT(error_of("# x\nttl = soon\n"),
              testing::AllOf(HasSubstr(path() + ", line 2: ttl: 'soon'"), HasSubstr("30s")));
}

TEST_F(AppliedConfigTest, PathsMustBeAbsolute) {
  EXPECT_THAT(error_of("cache-location = here\n"), HasSubstr("absolute"));
}

TEST_F(AppliedConfigTest, WhatBelongsOnTheCommandLineIsRefused) {
  EXPECT_THAT(error_of("help = true\n"), HasSubstr("command line only"));
  EXPECT_THAT(error_of("config = /x\n"), HasSubstr("command line only"));
}

TEST_F(AppliedConfigTest, ADirectoryIsNoConfigFile) {
  const auto applied = apply_config_file(directory_, options_);
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error().message, HasSubstr(directory_));
}

}  // namespace
}  // namespace lazymirror
