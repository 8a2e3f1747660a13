// SPDX-License-Identifier: Apache-2.0
//
// Ranges of files from a server that behaves.
#include <gtest/gtest.h>

#include <ctime>

#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

class ReadTest : public ::testing::Test {
 protected:
  ReadTest() { oracle_.put("/f", {.size = kSize}); }

  Version version_of_file() {
    auto probe = client_.probe("/f");
    return probe ? probe->version : Version{};
  }

  static constexpr std::uint64_t kSize = 3'000'000;
  OracleOrigin oracle_;
  OriginClient client_{oracle_.url()};
};

TEST_F(ReadTest, ARangeInTheMiddleArrives) {
  const ByteRange range{1'000'000, 1'500'001};
  const auto outcome = client_.read("/f", range);
  EXPECT_EQ(fault_of(outcome, range), "");
  EXPECT_EQ(oracle_.requests().back().range, "bytes=1000000-1500000");
  EXPECT_EQ(outcome.sink->version->size, kSize);
  EXPECT_TRUE(outcome.sink->version->has_validator());
}

TEST_F(ReadTest, ASingleByteArrives) {
  EXPECT_EQ(fault_of(client_.read("/f", {kSize - 1, kSize}), {kSize - 1, kSize}), "");
}

TEST_F(ReadTest, ARangeBeyondTheEndIsClippedToTheFile) {
  EXPECT_EQ(fault_of(client_.read("/f", {kSize - 10, kSize + 500}), {kSize - 10, kSize}), "");
}

TEST_F(ReadTest, TheWholeFileIsAskedForWithoutRange) {
  RangeRequest request = client_.request("/f", {0, kSize});
  request.whole_file = true;
  EXPECT_EQ(fault_of(client_.read(std::move(request)), {0, kSize}), "");
  EXPECT_EQ(oracle_.requests().back().range, "");
}

TEST_F(ReadTest, ContentIsAskedForUnencoded) {
  static_cast<void>(client_.read("/f", {0, 10}));
  const auto request = oracle_.requests().back();
  EXPECT_EQ(sent_header(request, "Accept-Encoding"), "identity");
  EXPECT_EQ(sent_header(request, "User-Agent"), "lazymirror-test");
  EXPECT_EQ(sent_header(request, "Cookie"), "");
}

TEST_F(ReadTest, AStrongTagIsSentAsCondition) {
  RangeRequest request = client_.request("/f", {5, 10});
  request.expected = version_of_file();
  const std::string etag = request.expected->etag;
  ASSERT_FALSE(etag.empty());
  EXPECT_EQ(fault_of(client_.read(std::move(request)), {5, 10}), "");
  EXPECT_EQ(sent_header(oracle_.requests().back(), "If-Range"), etag);
}

TEST_F(ReadTest, ADateIsTheConditionWhereThereIsNoTag) {
  oracle_.put("/f", {.size = kSize, .mtime = 784111777, .etag = false});
  RangeRequest request = client_.request("/f", {5, 10});
  request.expected = version_of_file();
  EXPECT_EQ(fault_of(client_.read(std::move(request)), {5, 10}), "");
  EXPECT_EQ(sent_header(oracle_.requests().back(), "If-Range"), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_F(ReadTest, WithoutAnExpectedVersionThereIsNoCondition) {
  EXPECT_EQ(fault_of(client_.read("/f", {5, 10}), {5, 10}), "");
  EXPECT_EQ(sent_header(oracle_.requests().back(), "If-Range"), "");
}

TEST_F(ReadTest, APartOfAFileWithoutValidatorsIsRefused) {
  oracle_.put("/f", {.size = kSize, .etag = false, .last_modified = false});
  const auto outcome = client_.read("/f", {5, 10});
  EXPECT_EQ(code_of(outcome), Errc::no_ranges);
  EXPECT_EQ(outcome.sink->starts, 0u);
  EXPECT_TRUE(client_.origin().ranges_supported());
}

TEST_F(ReadTest, APartOfAFileModifiedThisSecondIsRefused) {
  oracle_.put("/f", {.size = kSize, .mtime = std::time(nullptr) + 3600});
  EXPECT_EQ(code_of(client_.read("/f", {5, 10})), Errc::no_ranges);
  RangeRequest request = client_.request("/f", {0, kSize});
  request.whole_file = true;
  const auto outcome = client_.read(std::move(request));
  EXPECT_EQ(fault_of(outcome, {0, kSize}), "");
  EXPECT_FALSE(outcome.sink->version->has_validator());
}

TEST_F(ReadTest, AnotherVersionThanExpectedIsRefused) {
  RangeRequest request = client_.request("/f", {5, 10});
  request.expected = version_of_file();
  oracle_.touch_version("/f");
  const auto outcome = client_.read(std::move(request));
  EXPECT_EQ(code_of(outcome), Errc::changed);
  EXPECT_EQ(outcome.sink->starts, 0u);
}

TEST_F(ReadTest, AnotherSizeThanExpectedIsRefused) {
  RangeRequest request = client_.request("/f", {5, 10});
  request.expected = Version{kSize + 1, {}, {}};
  EXPECT_EQ(code_of(client_.read(std::move(request))), Errc::changed);
}

TEST_F(ReadTest, ARangeBehindAShrunkFileMeansChanged) {
  oracle_.put("/f", {.size = 100, .version = 2});
  RangeRequest request = client_.request("/f", {500, 600});
  request.expected = Version{kSize, {}, {}};
  EXPECT_EQ(code_of(client_.read(std::move(request), 2)), Errc::changed);
}

TEST_F(ReadTest, ABareRefusalOfTheRangeIsCheckedByAskingForTheSize) {
  RangeRequest request = client_.request("/f", {500, 600});
  request.expected = version_of_file();
  oracle_.forget_requests();
  const FaultRule bare{.fault = Fault::status, .value = 416, .method = "GET"};
  oracle_.inject("/f", bare);
  EXPECT_EQ(code_of(client_.read(request)), Errc::bad_reply);
  EXPECT_EQ(oracle_.count("/f", "HEAD"), 1u);
  oracle_.inject("/f", bare);
  oracle_.touch_version("/f");
  EXPECT_EQ(code_of(client_.read(request)), Errc::changed);
}

TEST_F(ReadTest, AServerWithoutRangesSendsTheWholeFileAndIsRemembered) {
  oracle_.set_ranges(false);
  EXPECT_EQ(fault_of(client_.read("/f", {500, 600}), {0, kSize}), "");
  EXPECT_FALSE(client_.origin().ranges_supported());
  EXPECT_EQ(fault_of(client_.read("/f", {700, 800}), {0, kSize}), "");
  EXPECT_EQ(oracle_.requests().back().range, "");
}

TEST_F(ReadTest, AFileWithoutValidatorsComesWholeFromAServerWithoutRanges) {
  oracle_.set_ranges(false);
  oracle_.put("/f", {.size = 1000, .etag = false, .last_modified = false});
  EXPECT_EQ(fault_of(client_.read("/f", {500, 600}), {0, 1000}), "");
}

TEST_F(ReadTest, OneIgnoredRangeIsNotHeldAgainstAServerThatClaimsToKnowThem) {
  oracle_.inject("/f", {.fault = Fault::ignore_range});
  EXPECT_EQ(fault_of(client_.read("/f", {500, 600}), {0, kSize}), "");
  EXPECT_EQ(oracle_.faults_played(), 1u);
  EXPECT_TRUE(client_.origin().ranges_supported());
  EXPECT_EQ(fault_of(client_.read("/f", {500, 600}), {500, 600}), "");
}

TEST_F(ReadTest, ThreeIgnoredRangesAreBelieved) {
  oracle_.inject("/f", {.fault = Fault::ignore_range, .times = 0});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fault_of(client_.read("/f", {5, 6}), {0, kSize}), "");
  EXPECT_FALSE(client_.origin().ranges_supported());
}

TEST_F(ReadTest, ADirectoryIsNotRead) {
  oracle_.put_directory("/d");
  EXPECT_EQ(code_of(client_.read("/d", {0, 10})), Errc::is_a_directory);
}

TEST_F(ReadTest, TheSinkMayRefuseTheVersion) {
  auto sink = std::make_shared<CheckingSink>("/f", 1);
  sink->refuse_start(Errc::no_space);
  client_.origin().read(client_.request("/f", {0, 10}), sink);
  EXPECT_EQ(code_of(sink->wait_for_end()), Errc::no_space);
  EXPECT_EQ(sink->received, 0u);
}

TEST_F(ReadTest, TheSinkMayRefuseTheBytes) {
  auto sink = std::make_shared<CheckingSink>("/f", 1);
  sink->refuse_bytes(Errc::no_space);
  client_.origin().read(client_.request("/f", {0, kSize}), sink);
  const Result<> result = sink->wait_for_end();
  EXPECT_EQ(code_of(result), Errc::no_space);
  EXPECT_EQ(result.error().message, "refused by the sink");
  EXPECT_EQ(oracle_.count("/f"), 1u);
}

}  // namespace
}  // namespace lazymirror::testing
