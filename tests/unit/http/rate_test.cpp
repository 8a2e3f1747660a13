// SPDX-License-Identifier: Apache-2.0
//
// The limit on bandwidth over real transfers.
#include <gtest/gtest.h>

#include <atomic>

#include "support/waiting.h"
#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

using std::chrono::steady_clock;
constexpr std::uint64_t kMB = 1'000'000;

class RateTest : public ::testing::Test {
 protected:
  RateTest() {
    oracle_.put("/big", {.size = 64 * kMB});
    oracle_.put("/f", {.size = kMB});
    OriginOptions options = OriginClient::options(oracle_.url());
    options.bandwidth_limit = kMB;
    client_.emplace(std::move(options));
  }

  OracleOrigin oracle_;
  std::optional<OriginClient> client_;
};

TEST_F(RateTest, TransfersShareTheLimit) {
  const auto begin = steady_clock::now();
  std::vector<std::shared_ptr<CheckingSink>> sinks;
  for (int i = 0; i < 4; ++i) sinks.push_back(client_->start(client_->request("/f", {0, 200'000})));
  for (const auto& sink : sinks) {
    EXPECT_EQ(fault_of({sink->wait_for_end(), sink}, {0, 200'000}), "");
  }
  EXPECT_GE(steady_clock::now() - begin, std::chrono::milliseconds(600));
}

TEST_F(RateTest, TheLimitMayChangeMeanwhile) {
  client_->origin().set_bandwidth_limit(kMB / 10);
  const auto sink = client_->start(client_->request("/big", {0, 64 * kMB}));
  ASSERT_TRUE(sink->wait_for_bytes(1));
  client_->origin().set_bandwidth_limit(0);
  // The client's patience is two minutes, and it would have taken ten.
  EXPECT_EQ(fault_of({sink->wait_for_end(), sink}, {0, 64 * kMB}), "");
}

// Read ahead, and how much of it had come at some moments.
class Guess final : public RangeSink {
 public:
  Result<> on_start(const Version&, ByteRange) override { return {}; }
  Result<> on_bytes(std::uint64_t, std::span<const std::byte> bytes) override {
    received += bytes.size();
    return {};
  }
  void on_end(Result<>) override {}
  [[nodiscard]] bool is_urgent() const override { return false; }
  std::atomic<std::uint64_t> received{0};
};

class Demand final : public RangeSink {
 public:
  explicit Demand(Guess& guess) : guess_(guess) {}
  Result<> on_start(const Version&, ByteRange) override {
    before = guess_.received;
    return {};
  }
  Result<> on_bytes(std::uint64_t, std::span<const std::byte>) override { return {}; }
  void on_end(Result<> result) override {
    after = guess_.received;
    ended.set_value(static_cast<bool>(result));
  }
  std::uint64_t before = 0, after = 0;
  std::promise<bool> ended;

 private:
  Guess& guess_;
};

TEST_F(RateTest, WhatNobodyWaitsForStandsBack) {
  const auto guess = std::make_shared<Guess>();
  client_->origin().read(client_->request("/big", {0, 16 * kMB}), guess);
  ASSERT_TRUE(eventually([&] { return guess->received > 0; }));
  const auto demand = std::make_shared<Demand>(*guess);
  auto ended = demand->ended.get_future();
  client_->origin().read(client_->request("/f", {0, 500'000}), demand);
  ASSERT_TRUE(ended.get());
  EXPECT_LE(demand->after - demand->before, 20'000u) << "half a second's worth of the other";
  const std::uint64_t then = guess->received;
  EXPECT_TRUE(eventually([&] { return guess->received > then; })) << "does not go on";
}

}  // namespace
}  // namespace lazymirror::testing
