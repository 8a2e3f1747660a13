// SPDX-License-Identifier: Apache-2.0
//
// Each case in a process of its own, as signals belong to processes.
#include "cli/stop_signal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <future>

#include "cli/log_setup.h"
#include "cli/run.h"

namespace lazymirror::cli {
namespace {

constexpr std::chrono::seconds kLimit{30};
constexpr int kFine = 42;

void send(int signal) { ::kill(::getpid(), signal); }

// Waits for a signal to end the process.
[[noreturn]] void wait_for_the_end() {
  ::alarm(10);
  for (;;) ::pause();
}

TEST(StopSignalTest, BeforeTheMountTheProgramEndsAtOnce) {
  EXPECT_EXIT(
      {
        log_to_stderr("info");
        const StopSignal signals(true);
        send(SIGTERM);
        wait_for_the_end();
      },
      testing::ExitedWithCode(kFailure), "interrupted before the tree was mounted");
}

TEST(StopSignalTest, WhileServingStopIsCalledOnce) {
  EXPECT_EXIT(
      {
        StopSignal signals(true);
        std::promise<void> stopped;
        auto future = stopped.get_future();
        signals.mounting();
        signals.serving([&] { stopped.set_value(); });  // twice would throw
        send(SIGINT);
        send(SIGTERM);
        const bool came = future.wait_for(kLimit) == std::future_status::ready;
        std::_Exit(came ? kFine : 1);
      },
      testing::ExitedWithCode(kFine), "");
}

TEST(StopSignalTest, ASignalWhileMountingIsKept) {
  EXPECT_EXIT(
      {
        StopSignal signals(true);
        signals.mounting();
        send(SIGTERM);
        std::promise<void> stopped;
        auto future = stopped.get_future();
        signals.serving([&] { stopped.set_value(); });
        const bool came = future.wait_for(kLimit) == std::future_status::ready;
        std::_Exit(came ? kFine : 1);
      },
      testing::ExitedWithCode(kFine), "");
}

TEST(StopSignalTest, ASecondOneWhileStoppingEndsTheProgram) {
  EXPECT_EXIT(
      {
        log_to_stderr("info");
        StopSignal signals(true);
        std::promise<void> stopped;
        signals.serving([&] { stopped.set_value(); });
        send(SIGTERM);
        stopped.get_future().wait();
        signals.stopping();
        send(SIGTERM);
        wait_for_the_end();
      },
      testing::ExitedWithCode(kFailure), "interrupted again");
}

TEST(StopSignalTest, StopIsNotCalledOnceStopping) {
  EXPECT_EXIT(
      {
        {
          StopSignal signals(true);
          signals.serving([] { std::_Exit(1); });
          signals.stopping();
          send(SIGTERM);  // the first: an unmount that takes its time goes on
        }
        std::_Exit(kFine);
      },
      testing::ExitedWithCode(kFine), "");
}

TEST(StopSignalTest, HangupCountsInTheForegroundOnly) {
  EXPECT_EXIT(
      {
        const StopSignal signals(true);
        send(SIGHUP);
        wait_for_the_end();
      },
      testing::ExitedWithCode(kFailure), "");
  EXPECT_EXIT(
      {
        {
          StopSignal signals(false);
          signals.serving([] { std::_Exit(1); });
          send(SIGHUP);
        }
        std::_Exit(kFine);
      },
      testing::ExitedWithCode(kFine), "");
}

}  // namespace
}  // namespace lazymirror::cli
