// SPDX-License-Identifier: Apache-2.0
//
// The tuner on simulated networks: a rate for each number of transfers, bytes
// in steps of ten milliseconds.
#include "fetch/stream_tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

namespace lazymirror {
namespace {

using namespace std::chrono_literals;
constexpr Duration kTick{10};

class Network {
 public:
  // `rate`: bytes per ms of all transfers together, with so many of them.
  Network(unsigned most, std::function<double(unsigned)> rate)
      : tuner(most), rate_(std::move(rate)) {}

  // A reader who always has more to fetch than the network brings.
  void run(Duration time, Duration round_trip = Duration{40}) {
    for (const SteadyTime end = now_ + time; now_ < end; now_ += kTick) {
      if (running_ != tuner.streams()) {
        running_ = tuner.streams();
        tuner.on_running(now_, running_);
        tuner.on_first_byte(round_trip);
      }
      tuner.on_bytes(now_, bytes());
      used.insert(running_);
    }
  }
  // One who reads slowly: transfers end before the next is asked for.
  void run_slowly(Duration time) {
    for (const SteadyTime end = now_ + time; now_ < end; now_ += kTick) {
      running_ = running_ == 0 ? tuner.streams() : 0;
      tuner.on_running(now_, running_);
      if (running_ > 0) tuner.on_bytes(now_, bytes());
    }
  }
  void becomes(std::function<double(unsigned)> rate) { rate_ = std::move(rate); }

  StreamTuner tuner;
  std::set<unsigned> used;

 private:
  [[nodiscard]] std::uint64_t bytes() const {
    return static_cast<std::uint64_t>(rate_(running_) * static_cast<double>(kTick.count()));
  }
  std::function<double(unsigned)> rate_;
  SteadyTime now_{1h};
  unsigned running_ = 0;
};

constexpr auto kPerConnection = [](unsigned k) { return 1e4 * k; };

TEST(StreamTuner, UsesAllItMayWhereEachConnectionIsLimited) {
  Network net(16, kPerConnection);
  net.run(8s);
  EXPECT_EQ(net.tuner.streams(), 16u);
  net.run(10min);
  EXPECT_EQ(*std::max_element(net.used.begin(), net.used.end()), 16u);
}

TEST(StreamTuner, FallsBackToOneWhereTheLinkIsFull) {
  Network net(8, [](unsigned) { return 5e4; });
  net.run(15s);
  EXPECT_EQ(net.tuner.streams(), 1u);
}

TEST(StreamTuner, FallsBackToOneWhereSeveralAreSlower) {
  Network net(8, [](unsigned k) { return 5e4 / k; });
  net.run(15s);
  EXPECT_EQ(net.tuner.streams(), 1u);
}

// 4 MiB in flight on each connection and 100 ms: the link is full with four.
TEST(StreamTuner, FindsWhereAWindowLimitedPathIsFull) {
  Network net(16, [](unsigned k) { return std::min(4.2e4 * k, 1.6e5); });
  net.run(30s, 100ms);
  EXPECT_EQ(net.tuner.streams(), 4u);
  for (int i = 0; i < 20; ++i) {  // most of the time is spent there
    net.used.clear();
    net.run(5s, 100ms);
    if (net.used == std::set<unsigned>{4}) return;
  }
  FAIL() << "never rests";
}

TEST(StreamTuner, AServerThatSlowsBeyondThreeIsAskedByThree) {
  Network net(16, [](unsigned k) { return k <= 3 ? 1e4 * k : 2e4; });
  net.run(30s);
  EXPECT_EQ(net.tuner.streams(), 3u);
}

TEST(StreamTuner, NoticesThatTheNetworkHasChanged) {
  Network net(8, [](unsigned) { return 5e4; });
  net.run(30s);
  EXPECT_EQ(net.tuner.streams(), 1u);
  net.becomes(kPerConnection);
  net.run(5min);
  EXPECT_GE(net.tuner.streams(), 6u);
}

TEST(StreamTuner, AReaderSlowerThanTheNetworkSettlesNothing) {
  Network net(8, kPerConnection);
  net.run_slowly(60s);
  EXPECT_EQ(net.tuner.streams(), StreamTuner::kFirst);
}

TEST(StreamTuner, NeverLeavesItsBounds) {
  Network one(1, kPerConnection);
  one.run(60s);
  EXPECT_EQ(one.used, std::set<unsigned>{1});
  Network two(2, [](unsigned) { return 1e4; });
  two.run(10min);
  EXPECT_LE(*two.used.rbegin(), 2u);
  EXPECT_GE(*two.used.begin(), 1u);
}

TEST(StreamTuner, AFewLargePiecesAreNotMistakenForARate) {
  StreamTuner tuner(8);
  SteadyTime now{1h};
  tuner.on_running(now, StreamTuner::kFirst);
  for (int i = 0; i < 20; ++i) tuner.on_bytes(now += 1s, 4u << 20);
  EXPECT_EQ(tuner.streams(), StreamTuner::kFirst);
}

}  // namespace
}  // namespace lazymirror
