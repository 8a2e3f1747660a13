// SPDX-License-Identifier: Apache-2.0
#include "cli/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lazymirror::cli {
namespace {

using testing::HasSubstr;

struct Outcome {
  int status;
  std::string out, err;
};

Outcome run_with(std::vector<std::string> words) {
  words.insert(words.begin(), "lazymirror");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome{run(static_cast<int>(words.size()), argv.data()), {}, {}};
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(RunTest, HelpGoesToStandardOutput) {
  const Outcome o = run_with({"--help"});
  EXPECT_EQ(o.status, kSuccess);
  EXPECT_THAT(o.out, HasSubstr("Usage: lazymirror mount"));
  EXPECT_EQ(o.err, "");
}

TEST(RunTest, VersionNamesTheLibraries) {
  const Outcome o = run_with({"--version"});
  EXPECT_EQ(o.status, kSuccess);
  EXPECT_THAT(o.out, testing::StartsWith("lazymirror "));
  for (const char* library : {"libfuse ", "libcurl", "libxml2 ", "sqlite ", "spdlog "}) {
    EXPECT_THAT(o.out, HasSubstr(library));
  }
  EXPECT_EQ(o.err, "");
}

TEST(RunTest, WrongUsageIsTwoAndPointsToHelp) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {"--nonsense"},
                                                {"http://h/"},
                                                {"ftp://h/", "/m"},
                                                {"--password=x", "http://h/", "/m"},
                                                {"--help", "--nonsense"}}) {
    const Outcome o = run_with(words);
    EXPECT_EQ(o.status, kUsage);
    EXPECT_EQ(o.out, "");
    EXPECT_THAT(o.err, testing::StartsWith("lazymirror: "));
    EXPECT_THAT(o.err, HasSubstr("Type 'lazymirror --help'"));
  }
}

TEST(RunTest, FailureIsOneAndASentence) {
  const Outcome o = run_with({"--cache-location=/proc/nonexistent/c", "http://127.0.0.1:1/",
                              "/proc/nonexistent/mountpoint"});
  EXPECT_EQ(o.status, kFailure);
  EXPECT_EQ(o.out, "");
  EXPECT_THAT(o.err, HasSubstr("mkdir -p /proc/nonexistent/mountpoint"));
}

TEST(RunTest, AnEmptyArgvIsUsage) {
  char* argv[] = {nullptr};
  testing::internal::CaptureStderr();
  EXPECT_EQ(run(0, argv), kUsage);
  testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace lazymirror::cli
