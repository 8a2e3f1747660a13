// SPDX-License-Identifier: Apache-2.0
//
// Ranges of files from a server that does not behave: the right bytes or an
// error, and within the deadline.
#include <gtest/gtest.h>

#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

using std::chrono::steady_clock;

class ReadFaultTest : public ::testing::Test {
 protected:
  ReadFaultTest() { oracle_.put("/f", {.size = kSize}); }

  ReadOutcome read_with(FaultRule rule, Duration limit = OriginClient::kLimit) {
    oracle_.inject("/f", std::move(rule));
    auto outcome = client_.read(client_.request("/f", kRange, limit));
    EXPECT_GE(oracle_.faults_played(), 1u);
    return outcome;
  }

  static constexpr std::uint64_t kSize = 1'000'000;
  static constexpr ByteRange kRange{100'000, 600'000};
  static constexpr Duration kDeadline{3'000};  // long enough for the fault to be met
  OracleOrigin oracle_;
  OriginClient client_{oracle_.url()};
};

TEST_F(ReadFaultTest, AShortBodyIsResumedWhereItBrokeOff) {
  const auto outcome = read_with({.fault = Fault::short_body, .value = 123'457});
  EXPECT_EQ(fault_of(outcome, kRange), "");
  const auto last = oracle_.requests().back();
  EXPECT_EQ(last.range, "bytes=223457-599999");
  EXPECT_EQ(sent_header(last, "If-Range"), outcome.sink->version->etag);
}

TEST_F(ReadFaultTest, AFileWithoutValidatorsIsNotPutTogetherFromTwoAnswers) {
  oracle_.put("/f", {.size = kSize, .etag = false, .last_modified = false});
  oracle_.inject("/f", {.fault = Fault::short_body, .value = 1000});
  RangeRequest request = client_.request("/f", {0, kSize});
  request.whole_file = true;
  EXPECT_EQ(code_of(client_.read(std::move(request))), Errc::unreachable);
  EXPECT_EQ(oracle_.count("/f"), 1u);
}

TEST_F(ReadFaultTest, AWholeFileIsResumedByARange) {
  oracle_.inject("/f", {.fault = Fault::short_body, .value = 1000});
  RangeRequest request = client_.request("/f", {0, kSize});
  request.whole_file = true;
  EXPECT_EQ(fault_of(client_.read(std::move(request)), {0, kSize}), "");
  EXPECT_EQ(oracle_.requests().back().range, "bytes=1000-999999");
}

TEST_F(ReadFaultTest, WithoutRangesTheRepeatedBytesAreDropped) {
  oracle_.set_ranges(false);
  oracle_.inject("/f", {.fault = Fault::short_body, .value = 300'000});
  EXPECT_EQ(fault_of(client_.read("/f", kRange), {0, kSize}), "");
  EXPECT_EQ(oracle_.count("/f"), 2u);
}

TEST_F(ReadFaultTest, AResumedRangeIsTakenFromAnAnswerWithTheWholeFile) {
  oracle_.inject("/f", {.fault = Fault::short_body, .value = 100'000});
  oracle_.inject("/f", {.fault = Fault::ignore_range});
  EXPECT_EQ(fault_of(client_.read("/f", kRange), kRange), "");
  EXPECT_EQ(oracle_.faults_played(), 2u);
}

TEST_F(ReadFaultTest, AFileThatChangesInTheMiddleIsNotMixed) {
  oracle_.inject("/f", {.fault = Fault::short_body, .value = 100'000});
  oracle_.inject("/f", {.fault = Fault::changed_validator});
  const auto outcome = client_.read("/f", kRange);
  EXPECT_EQ(code_of(outcome), Errc::changed);
  EXPECT_EQ(outcome.sink->received, 100'000u);
}

TEST_F(ReadFaultTest, ChangedValidatorsAreSeenBeforeAnyByte) {
  RangeRequest request = client_.request("/f", kRange);
  request.expected = client_.probe("/f")->version;
  oracle_.inject("/f", {.fault = Fault::changed_validator});
  const auto outcome = client_.read(std::move(request));
  EXPECT_EQ(code_of(outcome), Errc::changed);
  EXPECT_EQ(outcome.sink->starts, 0u);
}

TEST_F(ReadFaultTest, AnotherVersionIsTold) {
  RangeRequest request = client_.request("/f", kRange);
  request.expected = client_.probe("/f")->version;
  oracle_.touch_version("/f");
  const Version now = client_.probe("/f")->version;
  const auto outcome = client_.read(std::move(request));
  EXPECT_EQ(code_of(outcome), Errc::changed);
  EXPECT_EQ(outcome.sink->other_version, now);
}

TEST_F(ReadFaultTest, AVersionWithoutTheKnownValidatorIsTold) {
  for (const bool whole : {false, true}) {
    oracle_.put("/g", {.size = kSize});
    RangeRequest request = client_.request("/g", kRange);
    request.expected = client_.probe("/g")->version;
    request.whole_file = whole;
    oracle_.put("/g", {.size = kSize, .etag = false});
    const Version now = client_.probe("/g")->version;
    ASSERT_TRUE(now.last_modified && now.etag.empty());
    const auto outcome = client_.read(std::move(request));
    EXPECT_EQ(code_of(outcome), Errc::changed);
    EXPECT_EQ(outcome.sink->other_version, now);
  }
}

TEST_F(ReadFaultTest, AnotherRangeThanAskedForIsRefused) {
  const auto outcome = read_with({.fault = Fault::wrong_content_range, .value = 7});
  EXPECT_EQ(code_of(outcome), Errc::bad_reply);
  EXPECT_EQ(outcome.sink->starts, 0u);
}

TEST_F(ReadFaultTest, AnotherTotalThanKnownIsRefused) {
  RangeRequest request = client_.request("/f", kRange);
  request.expected = Version{kSize, {}, {}};
  oracle_.inject("/f", {.fault = Fault::wrong_total, .value = 3});
  EXPECT_EQ(code_of(client_.read(std::move(request))), Errc::changed);
}

TEST_F(ReadFaultTest, AnEncodedBodyIsRefused) {
  const auto outcome = read_with({.fault = Fault::gzip});
  EXPECT_EQ(code_of(outcome), Errc::bad_reply);
  EXPECT_EQ(outcome.sink->starts, 0u);
  EXPECT_NE(outcome.result.error().message.find("gzip"), std::string::npos);
}

TEST_F(ReadFaultTest, AnAnswerWithoutLengthIsRefusedUnlessTheVersionIsProven) {
  EXPECT_EQ(code_of(read_with({.fault = Fault::no_length})), Errc::bad_reply);
  RangeRequest request = client_.request("/f", {0, kSize});
  request.expected = client_.probe("/f")->version;
  request.whole_file = true;
  oracle_.inject("/f", {.fault = Fault::no_length});
  EXPECT_EQ(fault_of(client_.read(std::move(request)), {0, kSize}), "");
}

TEST_F(ReadFaultTest, ALongerBodyThanAnnouncedIsCut) {
  std::string body(20, 'x');
  oracle_.inject("/f",
                 {.fault = Fault::raw,
                  .text = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nETag: \"a\"\r\n"
                          "Content-Range: bytes 0-9/1000000\r\n\r\n" +
                          body});
  const auto outcome = client_.read("/f", {0, 10});
  EXPECT_EQ(code_of(outcome.result), Errc::bad_reply);
  EXPECT_EQ(outcome.sink->received, 0u);
}

TEST_F(ReadFaultTest, AMissingEndBehindAllThatWasAskedForIsNothing) {
  std::string body(10, ' ');
  oracle_fill("/f", 1, 0, std::as_writable_bytes(std::span(body)));
  oracle_.inject("/f", {.fault = Fault::raw,
                        .text = "HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n"
                                "ETag: \"a\"\r\nContent-Range: bytes 0-9/1000000\r\n\r\na\r\n" +
                                body + "\r\n"});
  EXPECT_EQ(fault_of(client_.read("/f", {0, 10}), {0, 10}), "");
  EXPECT_EQ(oracle_.count("/f"), 1u);
}

TEST_F(ReadFaultTest, TwoDifferentLengthsAreRefused) {
  oracle_.inject("/f",
                 {.fault = Fault::raw,
                  .text = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\n"
                          "xxxxxxxxxxxxxxxxxxxx"});
  const auto outcome = client_.read("/f", {0, 10});
  EXPECT_EQ(code_of(outcome), Errc::bad_reply);
  EXPECT_EQ(outcome.sink->starts, 0u);
}

TEST_F(ReadFaultTest, NotModifiedIsAskedAgainWithoutCondition) {
  RangeRequest request = client_.request("/f", {0, 10});
  request.expected = client_.probe("/f")->version;
  oracle_.inject("/f", {.fault = Fault::raw, .text = "HTTP/1.1 304 Not Modified\r\n\r\n"});
  EXPECT_EQ(fault_of(client_.read(std::move(request)), {0, 10}), "");
  EXPECT_EQ(sent_header(oracle_.requests().back(), "If-Range"), "");
}

TEST_F(ReadFaultTest, AnAnswerThatIsNotHttpIsRefused) {
  const auto outcome = read_with({.fault = Fault::raw, .text = "220 mail ready\r\n", .times = 0});
  EXPECT_EQ(code_of(outcome), Errc::bad_reply);
}

TEST_F(ReadFaultTest, AResetIsTriedAgain) {
  EXPECT_EQ(fault_of(read_with({.fault = Fault::reset}), kRange), "");
}

TEST_F(ReadFaultTest, AResetInTheBodyIsResumed) {
  EXPECT_EQ(fault_of(read_with({.fault = Fault::reset_in_body, .value = 200'000}), kRange), "");
}

TEST_F(ReadFaultTest, AnEndlessRowOfResetsEndsAfterTheRetries) {
  const auto outcome = read_with({.fault = Fault::status, .value = 503, .times = 0});
  EXPECT_EQ(code_of(outcome), Errc::unreachable);
  EXPECT_EQ(oracle_.count("/f"), 4u);
  EXPECT_EQ(outcome.result.error().message,
            "cannot read " + oracle_.url("/f") +
                ": the server answered 503 (Service Unavailable), tried 4 times");
}

TEST_F(ReadFaultTest, LittleBytesPerAttemptDoNotRetryForEver) {
  const auto outcome = read_with({.fault = Fault::short_body, .value = 100, .times = 0});
  EXPECT_EQ(code_of(outcome), Errc::unreachable);
  EXPECT_EQ(oracle_.count("/f"), 4u);
}

TEST_F(ReadFaultTest, RealProgressForgivesEarlierFailures) {
  const auto outcome = read_with({.fault = Fault::short_body, .value = 70'000, .times = 0});
  EXPECT_EQ(fault_of(outcome, kRange), "");
  EXPECT_EQ(oracle_.count("/f"), 8u);  // 500,000 bytes, 70,000 at a time
}

TEST_F(ReadFaultTest, ServerErrorsAreTriedAgain) {
  for (const std::uint64_t status : {500u, 502u, 503u, 504u, 429u, 408u}) {
    EXPECT_EQ(fault_of(read_with({.fault = Fault::status, .value = status}), kRange), "") << status;
  }
}

TEST_F(ReadFaultTest, ClientErrorsAreNotTriedAgain) {
  EXPECT_EQ(code_of(read_with({.fault = Fault::status, .value = 404, .times = 1})),
            Errc::not_found);
  EXPECT_EQ(code_of(read_with({.fault = Fault::status, .value = 410, .times = 1})),
            Errc::not_found);
  EXPECT_EQ(code_of(read_with({.fault = Fault::status, .value = 403, .times = 1})), Errc::denied);
  EXPECT_EQ(code_of(read_with({.fault = Fault::status, .value = 400, .times = 1})),
            Errc::bad_reply);
  EXPECT_EQ(oracle_.count("/f"), 4u);
}

TEST_F(ReadFaultTest, SilenceBeforeTheHeadEndsAtTheDeadline) {
  const auto begin = steady_clock::now();
  const auto outcome = read_with({.fault = Fault::stall_before_head, .times = 0}, kDeadline);
  EXPECT_EQ(code_of(outcome), Errc::timeout);
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_F(ReadFaultTest, SilenceInTheBodyEndsAfterTheTimeThatTheDeadlineGave) {
  const auto begin = steady_clock::now();
  const auto outcome =
      read_with({.fault = Fault::stall_in_body, .value = 1000, .times = 0}, kDeadline);
  EXPECT_EQ(code_of(outcome), Errc::timeout);
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_F(ReadFaultTest, AStalledAttemptIsBrokenOffAndResumed) {
  OriginOptions options = OriginClient::options(oracle_.url());
  options.low_speed_time = Duration{1000};
  OriginClient client(std::move(options));
  oracle_.inject("/f", {.fault = Fault::stall_in_body, .value = 50'000});
  EXPECT_EQ(fault_of(client.read("/f", kRange), kRange), "");
  EXPECT_EQ(oracle_.faults_played(), 1u);
  ASSERT_GE(oracle_.count("/f"), 2u);
  EXPECT_EQ(oracle_.requests()[1].range, "bytes=150000-599999");
}

TEST_F(ReadFaultTest, ADeadHostIsUnreachable) {
  oracle_.stop();
  const auto outcome = client_.read("/f", kRange);
  EXPECT_EQ(code_of(outcome), Errc::unreachable);
  EXPECT_EQ(client_.origin().health().consecutive_failures, 1u);
  oracle_.restart();
  EXPECT_EQ(fault_of(client_.read("/f", kRange), kRange), "");
  EXPECT_EQ(client_.origin().health().consecutive_failures, 0u);
}

}  // namespace
}  // namespace lazymirror::testing
