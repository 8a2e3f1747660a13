// SPDX-License-Identifier: Apache-2.0
//
// Time, number and end: Retry-After, connections, cancelling, destruction,
// options.
#include <gtest/gtest.h>

#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class LimitsTest : public ::testing::Test {
 protected:
  LimitsTest() {
    oracle_.put("/f", {.size = 100'000});
    oracle_.put("/g", {.size = 100'000});
  }

  OracleOrigin oracle_;
  OriginClient client_{oracle_.url()};
};

TEST_F(LimitsTest, RetryAfterIsHonoured) {
  oracle_.inject("/f", {.fault = Fault::status, .value = 429, .extra_header = "Retry-After: 1"});
  const auto begin = steady_clock::now();
  EXPECT_EQ(fault_of(client_.read("/f", {0, 10}), {0, 10}), "");
  EXPECT_GE(steady_clock::now() - begin, milliseconds(990));
}

TEST_F(LimitsTest, RetryAfterHoldsForTheWholeHost) {
  oracle_.inject("/f", {.fault = Fault::status, .value = 503, .extra_header = "Retry-After: 1"});
  OriginOptions options = OriginClient::options(oracle_.url());
  options.connections = 1;  // so that the probe is answered after the refusal
  OriginClient client(std::move(options));
  const auto begin = steady_clock::now();
  const auto first = client.start(client.request("/f", {0, 10}));
  ASSERT_TRUE(oracle_.wait_for_requests("/f", 1));
  static_cast<void>(client.probe("/none"));
  EXPECT_EQ(fault_of(client.read("/g", {0, 10}), {0, 10}), "");
  EXPECT_GE(steady_clock::now() - begin, milliseconds(990));
  EXPECT_TRUE(first->wait_for_end());
}

TEST_F(LimitsTest, ARetryAfterBehindTheDeadlineEndsTheTransferAtOnce) {
  oracle_.inject("/f", {.fault = Fault::status, .value = 429, .extra_header = "Retry-After: 60"});
  const auto begin = steady_clock::now();
  EXPECT_EQ(code_of(client_.read("/f", {0, 10})), Errc::unreachable);
  const auto second = client_.read("/g", {0, 10});
  EXPECT_EQ(code_of(second), Errc::unreachable);
  EXPECT_NE(second.result.error().message.find("left alone"), std::string::npos);
  EXPECT_EQ(oracle_.count("/g"), 0u);
  EXPECT_LT(steady_clock::now() - begin, seconds(30));
}

TEST_F(LimitsTest, ARetryAfterBeyondAllTimesIsALongOne) {
  oracle_.inject(
      "/f",
      {.fault = Fault::status, .value = 429, .extra_header = "Retry-After: 18446744073709552"});
  EXPECT_EQ(code_of(client_.read("/f", {0, 10})), Errc::unreachable);
  EXPECT_EQ(oracle_.count("/f"), 1u);
}

TEST_F(LimitsTest, ADeadlineInThePastIsATimeout) {
  EXPECT_EQ(code_of(client_.probe("/f", Duration{-5})), Errc::timeout);
  EXPECT_EQ(oracle_.requests().size(), 0u);
}

TEST_F(LimitsTest, ARefusalReducesWhatIsAskedAtOnceUntilGoodAnswersCome) {
  std::vector<std::shared_ptr<CheckingSink>> sinks;
  const unsigned full = client_.origin().capacity();
  oracle_.inject(
      "/f",
      {.fault = Fault::status, .value = 429, .extra_header = "Retry-After: 0", .times = full});
  for (unsigned i = 0; i < full; ++i) sinks.push_back(client_.start(client_.request("/f", {0, 9})));
  for (const auto& sink : sinks) EXPECT_TRUE(sink->wait_for_end());
  const unsigned reduced = client_.origin().capacity();
  EXPECT_LT(reduced, full);
  EXPECT_GE(reduced, 1u);
  unsigned answers = 0;
  while (client_.origin().capacity() < full && ++answers < 500) {
    ASSERT_EQ(fault_of(client_.read("/g", {0, 10}), {0, 10}), "");
  }
  EXPECT_EQ(client_.origin().capacity(), full);
  EXPECT_GE(answers, reduced);
}

TEST_F(LimitsTest, ParallelReadsShareAFewConnections) {
  OriginOptions options = OriginClient::options(oracle_.url());
  options.connections = 4;
  OriginClient client(std::move(options));
  EXPECT_EQ(client.origin().capacity(), 4u);
  const auto begin = steady_clock::now();
  std::vector<std::shared_ptr<CheckingSink>> sinks;
  for (std::uint64_t i = 0; i < 100; ++i) {
    sinks.push_back(client.start(client.request("/f", {i * 1000, i * 1000 + 1000})));
  }
  for (std::uint64_t i = 0; i < 100; ++i) {
    const ReadOutcome outcome{sinks[i]->wait_for_end(), sinks[i]};
    EXPECT_EQ(fault_of(outcome, {i * 1000, i * 1000 + 1000}), "");
  }
  EXPECT_EQ(oracle_.count("/f"), 100u);
  EXPECT_LE(oracle_.connections_accepted(), 4u);
  EXPECT_LT(steady_clock::now() - begin, seconds(20));  // nobody is left waiting
}

TEST_F(LimitsTest, ASequenceOfRequestsUsesOneConnection) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(fault_of(client_.read("/f", {0, 10}), {0, 10}), "");
    EXPECT_EQ(code_of(client_.probe("/none")), Errc::not_found);
  }
  EXPECT_EQ(oracle_.connections_accepted(), 1u);
}

TEST_F(LimitsTest, CancelEndsAStalledRead) {
  oracle_.inject("/f", {.fault = Fault::stall_in_body, .value = 100});
  const auto sink = client_.start(client_.request("/f", {0, 1000}));
  ASSERT_TRUE(sink->wait_for_bytes(100));
  const auto begin = steady_clock::now();
  client_.origin().cancel(client_.last_id);
  EXPECT_EQ(code_of(sink->wait_for_end()), Errc::cancelled);
  EXPECT_LT(steady_clock::now() - begin, seconds(10));  // a stall lasts longer
  client_.origin().cancel(client_.last_id);             // has ended: no effect
  EXPECT_EQ(fault_of(client_.read("/f", {0, 10}), {0, 10}), "");
  EXPECT_EQ(sink->ends, 1u);
}

TEST_F(LimitsTest, CancelEndsAWaitForARetry) {
  OriginOptions options = OriginClient::options(oracle_.url());
  options.retry_delay = Duration{20'000};
  OriginClient client(std::move(options));
  oracle_.inject("/f", {.fault = Fault::status, .value = 500});
  RangeRequest request = client.request("/f", {0, 10}, Duration{60'000});
  const auto sink = client.start(std::move(request));
  ASSERT_TRUE(oracle_.wait_for_requests("/f", 1));
  client.origin().cancel(client.last_id);
  EXPECT_EQ(code_of(sink->wait_for_end()), Errc::cancelled);
}

TEST_F(LimitsTest, TheDestructorEndsEverythingExactlyOnce) {
  oracle_.inject("/f", {.fault = Fault::stall_before_head, .times = 0});
  std::vector<std::shared_ptr<CheckingSink>> sinks;
  for (int i = 0; i < 30; ++i) sinks.push_back(client_.start(client_.request("/f", {0, 1000})));
  client_.close();
  for (const auto& sink : sinks) {
    EXPECT_EQ(code_of(sink->wait_for_end()), Errc::cancelled);
    EXPECT_EQ(sink->ends, 1u);
  }
}

TEST_F(LimitsTest, ACompletionMayAskTheNextQuestion) {
  std::promise<Errc> promise;
  auto done = promise.get_future();
  Origin& origin = client_.origin();
  const Url next = client_.url("/none");
  const auto deadline = steady_clock::now() + OriginClient::kLimit;
  origin.probe(client_.url("/f"), deadline, [&](auto) {
    origin.probe(next, deadline, [&](auto r) { promise.set_value(code_of(r)); });
  });
  EXPECT_EQ(done.get(), Errc::not_found);
}

TEST_F(LimitsTest, BadOptionsAreRefusedWithASentence) {
  const auto refused = [&](auto change) {
    OriginOptions options = OriginClient::options(oracle_.url());
    change(options);
    const auto made = make_curl_origin(std::move(options));
    return made ? Errc::internal : made.error().code;
  };
  EXPECT_EQ(refused([](auto& o) { o.headers = {"no colon"}; }), Errc::invalid);
  EXPECT_EQ(refused([](auto& o) { o.headers = {"A: b\r\nC: d"}; }), Errc::invalid);
  EXPECT_EQ(refused([](auto& o) { o.ca_file = "/proc/nonexistent/ca.pem"; }), Errc::io);
  EXPECT_EQ(refused([](auto& o) { o.netrc_file = "/proc/nonexistent/netrc"; }), Errc::io);
  EXPECT_EQ(refused([](auto& o) { o.proxy = "http://a b:99999999"; }), Errc::invalid);
  EXPECT_EQ(refused([](auto& o) { o.connections = 0; }), Errc::invalid);
}

TEST_F(LimitsTest, TheVersionTextNamesLibcurl) {
  EXPECT_EQ(curl_version_text().rfind("libcurl/", 0), 0u);
}

}  // namespace
}  // namespace lazymirror::testing
