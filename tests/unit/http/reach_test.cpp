// SPDX-License-Identifier: Apache-2.0
//
// Nobody there: an origin or a proxy that is away and comes back, offline,
// connections that died without a word.
#include <gtest/gtest.h>

#include "support/waiting.h"
#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Discarded by every host: nobody listens there.
constexpr const char* kNobody = "http://127.0.0.1:1";

class ReachTest : public ::testing::Test {
 protected:
  ReachTest() { oracle_.put("/f", {.size = 100'000}); }

  static RangeRequest patient(OriginClient& client, Duration limit = seconds(60)) {
    RangeRequest request = client.request("/f", kRange, limit);
    request.patient = true;
    return request;
  }

  static constexpr ByteRange kRange{0, 10};
  OracleOrigin oracle_;
  OriginClient client_{oracle_.url()};
};

TEST_F(ReachTest, ThePatientGoOnUntilTheOriginIsThere) {
  oracle_.stop();
  EXPECT_FALSE(client_.origin().is_away()) << "nobody has tried";
  const auto sink = client_.start(patient(client_));
  EXPECT_TRUE(eventually([&] { return client_.origin().is_away(); }, seconds(30)));
  oracle_.restart();
  EXPECT_TRUE(sink->wait_for_end());
  EXPECT_FALSE(client_.origin().is_away());
}

TEST_F(ReachTest, TheOriginIsNotAwayWhereAMirrorIsThatItNames) {
  oracle_.inject("/f", {.fault = Fault::redirect, .text = std::string(kNobody) + "/f", .times = 0});
  const auto outcome = client_.read(patient(client_, milliseconds(300)));
  EXPECT_EQ(code_of(outcome), Errc::timeout);
  EXPECT_FALSE(client_.origin().is_away());
}

TEST_F(ReachTest, ThePatientEndAtTheirDeadlineAndSayWhy) {
  oracle_.stop();
  const auto outcome = client_.read(patient(client_, seconds(3)));
  EXPECT_EQ(code_of(outcome), Errc::timeout);
  EXPECT_NE(outcome.result.error().message.find("before that"), std::string::npos)
      << outcome.result.error().message;
}

TEST_F(ReachTest, GoingOfflineEndsWhatIsUnderWayAndWhatComes) {
  oracle_.inject("/f", {.fault = Fault::stall_before_head, .times = 0});
  const auto sink = client_.start(patient(client_));
  ASSERT_TRUE(oracle_.wait_for_requests("/f", 1));
  client_.origin().set_offline(true);
  const auto ended = sink->wait_for_end();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::unreachable);
  EXPECT_NE(ended.error().message.find("ENETUNREACH"), std::string::npos);
  EXPECT_EQ(code_of(client_.list("/")), Errc::unreachable);
  EXPECT_EQ(code_of(client_.probe("/f")), Errc::unreachable);
  EXPECT_EQ(oracle_.requests().size(), 1u);
  EXPECT_EQ(client_.origin().health().consecutive_failures, 0u) << "nobody was asked";
  oracle_.clear_faults();
  oracle_.unstall();
  client_.origin().set_offline(false);
  EXPECT_EQ(fault_of(client_.read("/f", kRange), kRange), "");
}

TEST_F(ReachTest, TheNextProxyIsAskedAtOnce) {
  OriginOptions options = OriginClient::options("http://elsewhere.test/");
  options.proxy = std::string(kNobody) + "," + oracle_.url();
  options.retries = 0;
  OriginClient client(std::move(options));
  EXPECT_EQ(fault_of(client.read("/f", kRange), kRange), "");
  EXPECT_FALSE(client.origin().is_away());
  EXPECT_EQ(fault_of(client.read("/f", kRange), kRange), "");
  EXPECT_EQ(oracle_.requests().front().target, "http://elsewhere.test/f");
}

TEST_F(ReachTest, WithoutAProxyMayBeTheLastResort) {
  OriginOptions options = OriginClient::options(oracle_.url());
  options.proxy = std::string(kNobody) + ",direct";
  options.retries = 0;
  OriginClient client(std::move(options));
  EXPECT_EQ(fault_of(client.read("/f", kRange), kRange), "");
  EXPECT_EQ(oracle_.requests().front().target, "/f");
}

TEST_F(ReachTest, AnotherProxyIsTakenWhileSomebodyWaits) {
  OriginOptions options = OriginClient::options("http://elsewhere.test/");
  options.proxy = kNobody;
  OriginClient client(std::move(options));
  const auto sink = client.start(patient(client));
  EXPECT_TRUE(eventually([&] { return client.origin().is_away(); }, seconds(30)));
  const auto refused = client.origin().set_proxy("a,,b");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid);
  ASSERT_TRUE(client.origin().set_proxy(oracle_.url()));
  EXPECT_TRUE(sink->wait_for_end());
}

// As after a sleep or a change of the address.
TEST_F(ReachTest, ConnectionsOlderThanOneThatFellSilentAreNotUsedAgain) {
  OriginOptions options = OriginClient::options(oracle_.url());
  options.low_speed_time = milliseconds(2'500);
  OriginClient client(std::move(options));
  oracle_.inject("/f", {.fault = Fault::stall_before_head, .times = 2});
  const auto first = client.start(client.request("/f", kRange));
  const auto second = client.start(client.request("/f", kRange));
  ASSERT_TRUE(oracle_.wait_for_requests("/f", 2)) << "two connections are made";
  ASSERT_TRUE(eventually([&] {
    oracle_.unstall();  // one may not have begun to stall
    return first->has_ended() && second->has_ended();
  }));
  ASSERT_TRUE(first->wait_for_end());
  ASSERT_TRUE(second->wait_for_end());
  ASSERT_EQ(oracle_.connections_accepted(), 2u);
  oracle_.inject("/f", {.fault = Fault::stall_in_body, .value = 5});
  EXPECT_EQ(fault_of(client.read("/f", kRange), kRange), "");
  EXPECT_EQ(oracle_.connections_accepted(), 3u);
}

class ListingMarksTest : public ReachTest {
 protected:
  void answer(const std::string& status, const std::string& fields) {
    oracle_.inject("/d/", {.fault = Fault::raw,
                           .text = "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + fields +
                                   "Content-Length: 0\r\n\r\n"});
  }
  Result<ListingReply> ask(ListingValidator known, bool past_caches = false) {
    return client_.list("/d/", OriginClient::kLimit,
                        {client_.url("/d/"), {}, std::move(known), past_caches});
  }
};

TEST_F(ListingMarksTest, ArriveAsSentAlsoWeakOnes) {
  answer("200 OK", "ETag: W/\"a\"\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
  const auto reply = ask({});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->validator, (ListingValidator{"W/\"a\"", "Tue, 14 Nov 2023 22:13:20 GMT"}));
  EXPECT_FALSE(reply->unchanged);
  EXPECT_EQ(sent_header(oracle_.requests().back(), "If-None-Match"), "");
}

TEST_F(ListingMarksTest, LetTheOriginSayThatNothingHasChanged) {
  answer("304 Not Modified", "Cache-Control: max-age=90\r\nAge: 30\r\n");
  const auto reply = ask({"W/\"a\"", "Tue, 14 Nov 2023 22:13:20 GMT"});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->unchanged);
  EXPECT_EQ(reply->max_age, seconds(60)) << "half a minute of it was spent in a cache";
  const auto request = oracle_.requests().back();
  EXPECT_EQ(sent_header(request, "If-None-Match"), "W/\"a\"");
  EXPECT_EQ(sent_header(request, "If-Modified-Since"), "Tue, 14 Nov 2023 22:13:20 GMT");
}

TEST_F(ListingMarksTest, ThatAreIgnoredLeadToAllOfIt) {
  answer("200 OK", "ETag: \"b\"\r\n");
  const auto reply = ask({"\"a\"", ""});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_FALSE(reply->unchanged);
  EXPECT_EQ(reply->validator.etag, "\"b\"");
}

TEST_F(ListingMarksTest, NobodyAskedForAreNoAnswer) {
  answer("304 Not Modified", "");
  EXPECT_EQ(code_of(ask({})), Errc::bad_reply);
}

TEST_F(ListingMarksTest, CachesOnTheWayAreToldToAskToo) {
  answer("200 OK", "");
  ASSERT_TRUE(ask({}, true));
  EXPECT_EQ(sent_header(oracle_.requests().back(), "Cache-Control"), "no-cache");
}

}  // namespace
}  // namespace lazymirror::testing
