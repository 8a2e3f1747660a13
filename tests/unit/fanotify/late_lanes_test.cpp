// SPDX-License-Identifier: Apache-2.0
#include "fanotify/late_lanes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace lazymirror::fanotify {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// The number of a thread that belonged to the crew.
pid_t add_member(Crew& crew) {
  std::thread([&] { crew.join(); }).join();
  return crew.members().back();
}

// One crew of one thread, and another thread of the process. The kernel's
// answers are the test's.
class LateLanesTest : public ::testing::Test {
 protected:
  ThreadState& own() { return threads[member]; }
  ThreadState& other() { return threads[1]; }

  // Looks every half a second until then; what the last look said.
  bool look_for(milliseconds time) {
    bool said = false;
    for (const SteadyTime end = now + time; now < end;) {
      now += milliseconds(500);
      said = lanes.take_their_time({crew}, now);
    }
    return said;
  }
  // The same with every thread given so much of a processor, and waiting so much.
  bool look_while(ThreadState& thread, char state, nanoseconds ran, nanoseconds waited, int looks) {
    thread.state = state;
    bool said = false;
    for (int i = 0; i < looks; ++i) {
      said = look_for(milliseconds(500));
      thread.ran += ran;
      thread.waited += waited;
      ++thread.turns;
    }
    return said;
  }

  const std::shared_ptr<Crew> crew = std::make_shared<Crew>();
  const pid_t member = add_member(*crew);
  ThreadStates threads;
  SteadyTime now{seconds(1'000)};
  const std::shared_ptr<Crew> busy = std::make_shared<Crew>();
  LateLanes lanes{{crew, busy}, [this] { return threads; }};
};

TEST_F(LateLanesTest, OneWhoseThreadWaitsForNothingHangs) {
  own().state = 'S';
  other().state = 'S';
  EXPECT_FALSE(look_for(milliseconds(500)));
  EXPECT_FALSE(look_for(seconds(3)));
}

TEST_F(LateLanesTest, OneWhoseThreadIsStoppedHangs) {
  own().state = 't';
  other().state = 'S';
  EXPECT_FALSE(look_for(seconds(3)));
}

TEST_F(LateLanesTest, OneWhoseThreadSpinsHangs) {
  EXPECT_FALSE(look_while(own(), 'R', milliseconds(500), {}, 4));
  EXPECT_FALSE(look_for(seconds(2)));
}

TEST_F(LateLanesTest, OneThatSpinsHangsAlsoOnABusyMachine) {
  // A fifth of a processor.
  EXPECT_TRUE(look_while(own(), 'R', milliseconds(100), milliseconds(400), 8)) << "not sure yet";
  EXPECT_FALSE(look_while(own(), 'R', milliseconds(100), milliseconds(400), 8));
}

TEST_F(LateLanesTest, OneOfSeveralThreadsThatSpinHangsAlsoOnABusyMachine) {
  ThreadState& second = threads[add_member(*crew)];
  for (int i = 0; i < 8; ++i) {
    second.state = 'R';
    second.ran += milliseconds(100);
    (void)look_while(own(), 'R', milliseconds(100), milliseconds(400), 1);
  }
  EXPECT_FALSE(look_for(milliseconds(500)));
}

TEST_F(LateLanesTest, OneThatSpinsHangsWhateverOthersWaitFor) {
  other().state = 'D';
  EXPECT_FALSE(look_while(own(), 'R', milliseconds(500), {}, 6));
}

TEST_F(LateLanesTest, OneThatGetsOnTakesItsTime) {
  own().state = 'R';
  EXPECT_FALSE(look_for(milliseconds(500))) << "nothing is known of it yet";
  for (int i = 0; i < 100; ++i) {
    crew->step();
    own().ran += milliseconds(500);
    EXPECT_TRUE(look_for(milliseconds(500)));
  }
  EXPECT_TRUE(look_for(milliseconds(500))) << "a step ago";
  own().ran += seconds(1);
  EXPECT_FALSE(look_for(seconds(1)));
}

TEST_F(LateLanesTest, OneThatWaitsForADiskTakesItsTime) {
  own().state = 'D';
  EXPECT_TRUE(look_for(seconds(120)));
}

TEST_F(LateLanesTest, OneThatGetsNoProcessorTakesItsTime) {
  EXPECT_TRUE(look_while(own(), 'R', milliseconds(5), milliseconds(495), 60));
}

TEST_F(LateLanesTest, OneThatMayWaitForADiskByWayOfAnotherIsBelievedForAWhile) {
  own().state = 'S';
  other().state = 'D';
  EXPECT_TRUE(look_for(LateLanes::kPatience));
  EXPECT_FALSE(look_for(seconds(1)));
}

TEST_F(LateLanesTest, OneThatWaitsIsNotSavedByAnotherThatUsesTheDiskNowAndThen) {
  own().state = 'S';
  EXPECT_FALSE(look_while(other(), 'D', milliseconds(10), {}, 6));
}

TEST_F(LateLanesTest, OneThatMayWaitForAnotherWithoutAProcessorIsBelievedForAWhile) {
  own().state = 'S';
  EXPECT_TRUE(look_while(other(), 'R', milliseconds(10), milliseconds(490), 12));
  EXPECT_FALSE(look_while(other(), 'R', milliseconds(10), milliseconds(490), 40));
}

TEST_F(LateLanesTest, OneThatMayWaitForAnotherThatHasMuchToDoIsBelievedForAWhile) {
  own().state = 'S';
  const auto work_and_look = [&](int looks) {
    bool said = false;
    for (int i = 0; i < looks; ++i) {
      for (std::uint64_t step = 0; step < LateLanes::kMuch; ++step) busy->step();
      said = look_for(milliseconds(500));
    }
    return said;
  };
  EXPECT_TRUE(work_and_look(30));
  busy->step();
  EXPECT_FALSE(look_for(milliseconds(500))) << "a timer's step is not much";
  EXPECT_FALSE(work_and_look(30));
}

TEST_F(LateLanesTest, OneOfWhichNothingCanBeFoundOutIsBelievedForAWhile) {
  EXPECT_TRUE(look_for(seconds(10)));
  EXPECT_FALSE(look_for(seconds(15)));
}

TEST_F(LateLanesTest, AllMustHaveAReason) {
  const auto idle = std::make_shared<Crew>();
  threads[add_member(*idle)].state = 'S';
  own().state = 'R';
  for (int i = 0; i < 6; ++i) {
    crew->step();
    EXPECT_FALSE(lanes.take_their_time({crew, idle}, now += milliseconds(500)));
  }
  EXPECT_TRUE(lanes.take_their_time({crew}, now));
}

TEST_F(LateLanesTest, OneMemberWithAReasonIsEnough) {
  threads[add_member(*crew)].state = 'S';
  own().state = 'D';
  EXPECT_TRUE(look_for(seconds(5)));
}

TEST_F(LateLanesTest, WhatWasSeenIsForgottenWithTheAnswer) {
  own().state = 'R';
  EXPECT_FALSE(look_while(own(), 'R', milliseconds(500), {}, 3));
  lanes.forget();
  EXPECT_FALSE(look_for(milliseconds(500)));
  own().state = 'D';
  EXPECT_TRUE(look_for(seconds(2)));
}

TEST(StatesOfOtherThreads, TellWhoSpinsAndWhoSleeps) {
  std::atomic<bool> stop{false};
  std::atomic<pid_t> spins{0}, sleeps{0};
  std::atomic_flag never;
  std::thread spinning([&] {
    spins = ::gettid();
    while (!stop) {
    }
  });
  std::thread sleeping([&] {
    sleeps = ::gettid();
    never.wait(false);
  });
  while (spins == 0 || sleeps == 0) std::this_thread::yield();
  const ThreadStates before = states_of_other_threads();
  EXPECT_FALSE(before.contains(::gettid()));
  const ThreadState then = before.at(spins);
  ThreadStates now = before;
  while (now.at(spins).ran - then.ran < milliseconds(50) || now.at(sleeps).state != 'S') {
    now = states_of_other_threads();
  }
  EXPECT_EQ(now.at(spins).state, 'R');
  EXPECT_EQ(now.at(sleeps).state, 'S');
  stop = true;
  never.test_and_set();
  never.notify_all();
  spinning.join();
  sleeping.join();
}

}  // namespace
}  // namespace lazymirror::fanotify
