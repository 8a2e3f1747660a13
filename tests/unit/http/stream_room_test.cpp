// SPDX-License-Identifier: Apache-2.0
#include "http/stream_room.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using namespace std::chrono_literals;
constexpr SteadyTime kStart{1h};

// Requests over a server that runs `most` at a time, in libcurl's manner.
class Requests {
 public:
  explicit Requests(unsigned most) : most_(most) {}

  void add(unsigned count) {
    for (unsigned i = 0; i < count; ++i) room.handed_over();
    waiting_ += count;
    turn();
  }
  void end(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      room.answered(8, now_);
      room.ended(true);
    }
    running_ -= count;
    turn();
  }
  // One ends, and as many follow as may.
  void keep_going() {
    if (running_ > 0) end(1);
    if (running_ + waiting_ < allowed()) add(allowed() - running_ - waiting_);
  }
  void turn() {
    for (; waiting_ > 0 && running_ < most_; --waiting_, ++running_) room.sent();
    room.look(now_);
  }
  void run(unsigned count) {
    for (; count > 0; --count) end(1);
  }
  void set_most(unsigned most) { most_ = most; }
  void pass(Duration time) { now_ += time; }
  [[nodiscard]] unsigned allowed() const { return room.of(8, 100); }
  [[nodiscard]] unsigned running() const { return running_; }

  StreamRoom room;

 private:
  unsigned most_, waiting_ = 0, running_ = 0;
  SteadyTime now_ = kStart;
};

TEST(StreamRoom, AServerThatTakesAllGetsTwiceAsMuchEachRoundTrip) {
  Requests requests(128);
  for (const unsigned expected : {8u, 16u, 32u, 64u, 100u}) {
    ASSERT_EQ(requests.allowed(), expected);
    requests.add(expected);
    requests.run(expected);
  }
  EXPECT_EQ(requests.allowed(), 100u);
}

TEST(StreamRoom, WhatRanBesideOneThatHadToWaitIsTheRoom) {
  Requests requests(20);
  for (int i = 0; i < 1'000; ++i) requests.keep_going();
  EXPECT_EQ(requests.allowed(), 20u);
}

TEST(StreamRoom, NoFewerThanToBeginWith) {
  Requests requests(4);
  for (int i = 0; i < 200; ++i) requests.keep_going();
  EXPECT_EQ(requests.allowed(), 8u);
}

TEST(StreamRoom, WhatWaitsForAConnectionAloneProvesNothing) {
  Requests requests(128);
  requests.add(8);
  requests.run(8);
  requests.set_most(0);  // the connection is gone
  requests.add(16);
  requests.set_most(128);
  requests.turn();
  requests.run(16);
  EXPECT_EQ(requests.allowed(), 32u);
}

TEST(StreamRoom, WhoIsGivenUpWhileItWaitsIsForgotten) {
  StreamRoom room;
  room.handed_over();
  room.ended(false);
  room.handed_over();
  room.sent();
  room.look(kStart);
  room.answered(8, kStart);
  EXPECT_EQ(room.of(8, 100), 9u);
}

TEST(StreamRoom, WhatIsSentAgainTakesTheNumberBack) {
  Requests requests(128);
  requests.add(8);
  requests.run(8);
  ASSERT_EQ(requests.allowed(), 16u);
  for (int i = 0; i < 3; ++i) requests.room.sent_again();
  EXPECT_EQ(requests.allowed(), 10u);
  for (int i = 0; i < 100; ++i) requests.room.sent_again();
  EXPECT_EQ(requests.allowed(), 8u);
}

TEST(StreamRoom, MoreIsTriedAgainAfterAWhile) {
  Requests requests(20);
  for (int i = 0; i < 1'000; ++i) requests.keep_going();
  ASSERT_EQ(requests.allowed(), 20u);
  requests.set_most(128);
  requests.pass(StreamRoom::kBelieved);
  for (int i = 0; i < 1'000; ++i) requests.keep_going();
  EXPECT_EQ(requests.allowed(), 100u);
}

}  // namespace
}  // namespace lazymirror
