// SPDX-License-Identifier: Apache-2.0
#include "config/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "config/option_table.h"

namespace lazymirror {
namespace {

using testing::HasSubstr;

// Of all commands together, and of each.
std::vector<std::string> lines() {
  std::string all = help_text();
  for (const CommandSpec& spec : command_table()) all += help_text(spec.command);
  std::istringstream in(all);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

TEST(HelpTest, FitsIntoEightyColumns) {
  for (const std::string& line : lines()) EXPECT_LE(line.size(), 80u) << line;
}

TEST(HelpTest, NoLineEndsInBlanks) {
  for (const std::string& line : lines()) EXPECT_FALSE(line.ends_with(' ')) << line;
}

TEST(HelpTest, ShowsEveryOptionWithItsDefaultUnderItsGroup) {
  std::size_t defaults = 0;
  const std::string text = help_text();
  for (auto at = text.find("[default:"); at != text.npos; at = text.find("[default:", at + 1)) {
    ++defaults;
  }
  std::size_t options = 0;
  for (const OptionSpec& option : option_table()) {
    if (!option.is_shown()) continue;
    ++options;
    EXPECT_THAT(text, HasSubstr(shown_name(option)));
    EXPECT_THAT(text, HasSubstr("\n" + std::string(option.group) + ":\n"));
  }
  EXPECT_EQ(defaults, options);
}

TEST(HelpTest, HidesTheSpellingsOfTheAncestor) {
  EXPECT_THAT(help_text(), testing::Not(HasSubstr("dl-seg-size")));
  EXPECT_THAT(help_text(), testing::Not(HasSubstr("Ancestor")));
}

TEST(HelpTest, OfOneCommandTellsOfThatCommandOnly) {
  for (const CommandSpec& spec : command_table()) {
    const std::string text = help_text(spec.command);
    EXPECT_THAT(text, testing::StartsWith("Usage: lazymirror " + std::string(spec.name) + " " +
                                          std::string(spec.usage) + "\n"));
    for (const OptionSpec& option : option_table()) {
      if (!option.is_shown() || option.name.empty()) continue;
      const std::string name = " --" + std::string(option.name);
      const bool shown = std::ranges::any_of(
          std::string_view(" \n"), [&](char end) { return text.find(name + end) != text.npos; });
      EXPECT_EQ(shown, includes(option.commands, spec.command)) << spec.name << option.name;
    }
  }
}

TEST(HelpTest, NamesEveryCommand) {
  for (const CommandSpec& spec : command_table()) {
    EXPECT_THAT(help_text(), HasSubstr("lazymirror " + std::string(spec.name) + " "));
  }
}

TEST(HelpTest, LooksLikeThis) {
  const std::string text = help_text();
  EXPECT_THAT(text, testing::StartsWith("Usage: lazymirror mount [options] URL MOUNTPOINT\n"));
  EXPECT_THAT(text, HasSubstr("\n"
                              "  -f, --foreground        Stay in the foreground and log to "
                              "standard error\n"
                              "                          [default: off]\n"));
  EXPECT_THAT(text, HasSubstr("      --ttl TIME          Ask the server again"));
  EXPECT_THAT(text, HasSubstr("[default: 5min]"));
  EXPECT_THAT(text, HasSubstr("Exit status: 0, or 1 for failure, or 2 for wrong usage."));
}

TEST(HelpTest, ExplainsTheUnitsOfItsOptions) {
  for (const CommandSpec& spec : command_table()) {
    const std::string text = help_text(spec.command);
    const auto explains = [&](const std::string& unit) {
      return text.find("\n" + unit + " is a number") != text.npos;
    };
    for (const std::string unit : {"SIZE", "TIME"}) {
      EXPECT_EQ(explains(unit), text.find(" " + unit) != text.npos) << spec.name << " " << unit;
    }
  }
}

TEST(HelpTest, SaysWhichCommandsMayFindThatNothingRuns) {
  EXPECT_THAT(help_text(Command::status), HasSubstr("2 for wrong usage, or 3 when nothing runs."));
  EXPECT_THAT(help_text(Command::evict), HasSubstr("2 for wrong usage.\n"));
}

}  // namespace
}  // namespace lazymirror
