// SPDX-License-Identifier: Apache-2.0
//
// Each test runs in a process of its own, as the child of a fork that never
// returns must not go on as a test.
#include "cli/background.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "cli/mount_answers.h"
#include "cli/run.h"

namespace lazymirror::cli {
namespace {

Result<> no_fault() { return {}; }

// The exit status, as the shell sees it, of a program that goes into the
// background like this.
template <typename Work>
[[noreturn]] void program(Work work, Result<> (*check)() = no_fault) {
  std::exit(run_in_background(work, check));
}

TEST(BackgroundTest, ParentEndsWithSuccessOnceTheChildIsReady) {
  EXPECT_EXIT(program([](Readiness& readiness) { return readiness.ready() ? 0 : 9; }),
              testing::ExitedWithCode(kSuccess), "^$");
}

TEST(BackgroundTest, ErrorsOfTheChildReachTheTerminal) {
  EXPECT_EXIT(program([](Readiness& readiness) {
                readiness.failed("no luck today");
                return kFailure;
              }),
              testing::ExitedWithCode(kFailure), "lazymirror: no luck today");
}

TEST(BackgroundTest, TheChildsStatusIsKept) {
  EXPECT_EXIT(program([](Readiness& readiness) {
                readiness.failed("wrong usage");
                return kUsage;
              }),
              testing::ExitedWithCode(kUsage), "wrong usage");
}

TEST(BackgroundTest, AChildThatDiesIsReported) {
  EXPECT_EXIT(program([](Readiness&) {
                ::raise(SIGKILL);
                return 0;
              }),
              testing::ExitedWithCode(kFailure), "ended before .* by signal 9");
}

TEST(BackgroundTest, AChildThatEndsWithoutAWordIsReported) {
  EXPECT_EXIT(program([](Readiness&) { return 0; }), testing::ExitedWithCode(kFailure),
              "ended before .* with status 0");
}

TEST(BackgroundTest, AFaultFoundFromOutsideIsAFailure) {
  EXPECT_EXIT(program(
                  [](Readiness& readiness) {
                    if (!readiness.ready()) return 9;
                    ::pause();  // until the parent ends us
                    return 0;
                  },
                  [] { return Result<>(fail(Errc::timeout, "it does not answer")); }),
              testing::ExitedWithCode(kFailure), "it does not answer");
}

TEST(BackgroundTest, AParentThatHasGoneIsNoticed) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EXIT(
      {
        ::signal(SIGPIPE, SIG_IGN);
        Readiness readiness{UniqueFd(ends[1])};
        const auto told = readiness.ready();
        std::_Exit(!told && told.error().code == Errc::cancelled ? 42 : 1);
      },
      testing::ExitedWithCode(42), "");
  ::close(ends[1]);
}

TEST(BackgroundTest, NobodyListensInTheForeground) { EXPECT_TRUE(Readiness().ready()); }

TEST(MountAnswersTest, ADirectoryThatIsNoMountIsNotTakenForOne) {
  const auto answers = mount_answers("/tmp", std::chrono::seconds(30));
  ASSERT_FALSE(answers);
  EXPECT_THAT(answers.error().message, testing::HasSubstr("/tmp is not mounted"));
}

TEST(MountAnswersTest, AMissingDirectoryIsAnError) {
  const auto answers = mount_answers("/proc/nonexistent", std::chrono::seconds(30));
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error().code, Errc::not_found);
}

}  // namespace
}  // namespace lazymirror::cli
