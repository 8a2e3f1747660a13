// SPDX-License-Identifier: Apache-2.0
//
// The manual page and the option table say the same, both ways.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "config/command_line.h"
#include "config/option_table.h"
#include "some_user.h"
#include "support/temp_dir.h"

namespace lazymirror {
namespace {

// "--ttl" or "-o" -> the paragraph below its ".It Fl ..." line.
std::map<std::string, std::string> options_of_manual() {
  std::ifstream in(LAZYMIRROR_SOURCE_DIR "/man/lazymirror.1");
  std::map<std::string, std::string> out;
  std::vector<std::string> current;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(".It ") || line.starts_with(".El")) current.clear();
    if (line.starts_with(".It Fl ")) {
      std::istringstream words(line);
      for (std::string word; words >> word;) {
        if (word == "Fl" && words >> word) current.push_back("-" + word);
      }
    }
    for (const std::string& name : current) out[name] += line + "\n";
  }
  return out;
}

TEST(ManualTest, IsThere) { EXPECT_GT(options_of_manual().size(), 10u); }

TEST(ManualTest, ExplainsEveryOption) {
  const auto manual = options_of_manual();
  for (const OptionSpec& option : option_table()) {
    if (!option.is_shown()) continue;
    EXPECT_TRUE(manual.contains(shown_name(option))) << shown_name(option);
    if (option.letter != 0) {
      EXPECT_TRUE(manual.contains(std::string("-") + option.letter)) << option.letter;
    }
  }
}

TEST(ManualTest, ExplainsNoOptionThatDoesNotExist) {
  for (const auto& [name, text] : options_of_manual()) {
    bool known = false;
    for (const OptionSpec& option : option_table()) {
      known = known || (option.is_shown() &&
                        (name == shown_name(option) || name == std::string("-") + option.letter));
    }
    EXPECT_TRUE(known) << name;
  }
}

TEST(ManualTest, StatesTheDefaultsOfTheTable) {
  const auto manual = options_of_manual();
  for (const OptionSpec& option : option_table()) {
    const std::string value = shown_default(option);
    if (!option.is_shown() || option.is_switch() || value == "none") continue;
    if (!option.default_text.empty()) continue;
    EXPECT_NE(manual.at(shown_name(option)).find(".Cm " + value + " "), std::string::npos)
        << shown_name(option) << ": " << value;
  }
}

std::string page(const std::string& name) {
  std::ifstream in(LAZYMIRROR_SOURCE_DIR "/man/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ManualTest, ThePageOfTheConfigFileHasWhatIsForFilesOnlyAndNothingElse) {
  std::istringstream in(page("lazymirror.conf.5"));
  std::set<std::string> explained;
  for (std::string line, it, cm, name; std::getline(in, line);) {
    std::istringstream words(line);
    if (words >> it >> cm >> name && it == ".It" && cm == "Cm") explained.insert(name);
  }
  std::set<std::string> known;
  for (const OptionSpec& option : option_table()) {
    if (option.is(OptionSpec::kFile)) known.emplace(option.name);
  }
  EXPECT_EQ(explained, known);
}

// What stands between .Bd and .Ed, one string a display.
std::vector<std::string> displays(const std::string& name) {
  std::istringstream in(page(name));
  std::vector<std::string> out;
  bool within = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(".Bd")) out.emplace_back();
    if (line.starts_with(".Bd") || line.starts_with(".Ed")) {
      within = line.starts_with(".Bd");
    } else if (within) {
      out.back() += line + "\n";
    }
  }
  return out;
}

TEST(ManualTest, TheExamplesOfTheConfigFileAreAccepted) {
  const testing::TempDir work;
  const auto examples = displays("lazymirror.conf.5");
  ASSERT_EQ(examples.size(), 2u);
  for (const std::string& example : examples) {
    work.write("conf", example);
    const bool whole = example.find("url = ") != example.npos;
    std::vector<std::string> words{"--config", work / "conf"};
    if (!whole) words.insert(words.end(), {"http://h/", "/mnt"});
    const auto parsed = parse_command_line(words, some_user());
    EXPECT_TRUE(parsed) << parsed.error().message << "\n" << example;
  }
}

TEST(ManualTest, ThePageOfTheConfigFileNamesWhatIsForTheCommandLineOnly) {
  const std::string text = page("lazymirror.conf.5");
  const std::size_t end = text.find("are for the command line only.");
  ASSERT_NE(end, text.npos);
  const std::size_t begin = text.rfind(".Pp", end);
  std::istringstream words(text.substr(begin, end - begin));
  std::set<std::string> named;
  for (std::string word; words >> word;) {
    if (word.starts_with('-')) named.insert(word.substr(1));
  }
  std::set<std::string> known;
  for (const OptionSpec& option : option_table()) {
    if (option.is(OptionSpec::kCommandLine) && !option.name.empty()) known.emplace(option.name);
  }
  EXPECT_EQ(named, known);
}

TEST(ManualTest, ThePagesNameEachOther) {
  for (const char* name : {"lazymirror.conf.5", "lazymirror-fanotify.7", "mount.lazymirror.8"}) {
    const std::string stem = std::string(name).substr(0, std::string(name).size() - 2);
    EXPECT_NE(page("lazymirror.1").find(".Xr " + stem + " " + name[stem.size() + 1]),
              std::string::npos)
        << name;
    EXPECT_NE(page(name).find(".Xr lazymirror 1"), std::string::npos) << name;
  }
}

TEST(ManualTest, ThePageOfTheModeInPlaceHasOptionsThatExist) {
  std::istringstream words(page("lazymirror-fanotify.7"));
  for (std::string word, name; words >> word;) {
    if ((word == "Fl" || word == ".Fl") && words >> name) {
      EXPECT_NE(find_option(name.substr(1)), nullptr) << name;
    }
  }
}

}  // namespace
}  // namespace lazymirror
