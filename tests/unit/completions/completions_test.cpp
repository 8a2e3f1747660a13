// SPDX-License-Identifier: Apache-2.0
#include "completions/completions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "config/option_table.h"
#include "support/child_process.h"
#include "support/skip.h"
#include "support/temp_dir.h"

namespace lazymirror::completions {
namespace {

using lazymirror::testing::run_command;
using lazymirror::testing::run_shell;
using lazymirror::testing::TempDir;
using ::testing::HasSubstr;

std::string written(const TempDir& work, const std::string& text) {
  const std::string path = work / "completion";
  std::ofstream(path) << text;
  return path;
}

bool installed(const std::string& shell) { return run_shell("command -v " + shell).status == 0; }

// What bash offers after `line`, a word a line.
std::string offered_by_bash(const std::string& line) {
  const TempDir work;
  const std::string file = written(work, for_bash());
  return run_command(
             {"bash", "-c",
              ". " + file + "; COMP_WORDS=(" + line +
                  " ''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); [[ ${COMP_WORDS[-2]} == -- ]]"
                  " && unset 'COMP_WORDS[-1]' && COMP_CWORD=$((COMP_CWORD - 1));"
                  " _lazymirror; printf '%s\\n' \"${COMPREPLY[@]}\""})
      .output;
}

TEST(CompletionsTest, EveryOptionAndCommandIsInEach) {
  for (const OptionSpec& option : option_table()) {
    if (!option.is_shown()) continue;
    const std::string name =
        option.name.empty() ? std::string("-") + option.letter : "--" + std::string(option.name);
    EXPECT_THAT(for_bash(), HasSubstr(name));
    EXPECT_THAT(for_zsh(), HasSubstr(name));
    EXPECT_THAT(for_fish(), HasSubstr(option.name.empty() ? std::string(" -s ") + option.letter
                                                          : " -l " + std::string(option.name)));
  }
  for (const CommandSpec& spec : command_table()) {
    for (const std::string& text : {for_bash(), for_zsh(), for_fish()}) {
      EXPECT_THAT(text, HasSubstr(spec.name));
    }
  }
}

TEST(CompletionsTest, WhatIsHiddenIsNotOffered) {
  for (const std::string& text : {for_bash(), for_zsh(), for_fish()}) {
    EXPECT_THAT(text, ::testing::Not(HasSubstr("dl-seg-size")));
  }
}

TEST(CompletionsTest, BashReadsItAndOffersWhatFits) {
  const TempDir work;
  const auto parsed = run_command({"bash", "-n", written(work, for_bash())});
  EXPECT_EQ(parsed.status, 0) << parsed.output;
  EXPECT_EQ(
      offered_by_bash("lazymirror"),
      "mount\nwatch\nstop\nstatus\nls\ninfo\nreload\noffline\nonline\nfetch\npin\nunpin\nrefresh"
      "\nverify\nevict\nmkcache\n--help\n"
      "--version\n");
  EXPECT_EQ(offered_by_bash("lazymirror mount --io"), "auto\npassthrough\ncached\n");
  const std::string of_watch = offered_by_bash("lazymirror watch --");
  EXPECT_THAT(of_watch, HasSubstr("--fill-on\n"));
  EXPECT_THAT(of_watch, ::testing::Not(HasSubstr("--size\n")));
}

TEST(CompletionsTest, ZshReadsIt) {
  LM_REQUIRE(installed("zsh"), "needs zsh");
  const TempDir work;
  const auto parsed = run_command({"zsh", "-n", written(work, for_zsh())});
  EXPECT_EQ(parsed.status, 0) << parsed.output;
  EXPECT_EQ(parsed.output, "");
}

TEST(CompletionsTest, FishReadsIt) {
  LM_REQUIRE(installed("fish"), "needs fish");
  const TempDir work;
  const auto parsed = run_command({"fish", "--no-execute", written(work, for_fish())});
  EXPECT_EQ(parsed.status, 0) << parsed.output;
}

}  // namespace
}  // namespace lazymirror::completions
