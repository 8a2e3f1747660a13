// SPDX-License-Identifier: Apache-2.0
//
// The judge of answers, head by head, without a network.
#include "http/reply_check.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

constexpr std::int64_t kModified = 1'700'000'000;
constexpr std::int64_t kNow = kModified + 1000;

ResponseHead whole(std::uint64_t size) {
  ResponseHead head;
  head.status = 200;
  head.content_length = size;
  head.etag = "\"v1\"";
  head.last_modified = kModified;
  head.date = kNow;
  return head;
}

ResponseHead part(const std::string& content_range, std::uint64_t length) {
  ResponseHead head = whole(length);
  head.status = 206;
  head.content_range = content_range;
  return head;
}

const Version kKnown{100, "\"v1\"", kModified};

Asked asked(ByteRange range, std::optional<Version> known = kKnown) {
  return {range, std::move(known), kNow};
}

Errc code_of(const Result<Accepted>& result) {
  return result ? Errc::internal : result.error().code;
}

TEST(VersionOfTest, KeepsStrongTagAndDate) { EXPECT_EQ(version_of(whole(100), 100, kNow), kKnown); }

TEST(VersionOfTest, DropsWeakAndUnquotedTags) {
  ResponseHead head = whole(100);
  head.etag = "W/\"v1\"";
  EXPECT_EQ(version_of(head, 100, kNow).etag, "");
  EXPECT_TRUE(version_of(head, 100, kNow).has_validator());
  head.etag = "v1";
  EXPECT_EQ(version_of(head, 100, kNow).etag, "");
}

TEST(VersionOfTest, AFileModifiedWithinTwoSecondsHasNoValidator) {
  ResponseHead head = whole(100);
  for (const std::int64_t age : {-3600, 0, 1}) {
    head.date = kModified + age;
    EXPECT_FALSE(version_of(head, 100, kNow).has_validator()) << age;
  }
  head.date = kModified + 2;
  EXPECT_TRUE(version_of(head, 100, kNow).has_validator());
}

TEST(VersionOfTest, WithoutDateTheTimeOfReceiptCounts) {
  ResponseHead head = whole(100);
  head.date.reset();
  EXPECT_TRUE(version_of(head, 100, kModified + 2).has_validator());
  EXPECT_FALSE(version_of(head, 100, kModified + 1).has_validator());
}

TEST(CheckContentTest, AcceptsExactlyTheRangeAskedFor) {
  const auto result = check_content(part("bytes 10-19/100", 10), asked({10, 20}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->body, (ByteRange{10, 20}));
  EXPECT_EQ(result->version, kKnown);
}

TEST(CheckContentTest, AcceptsAShorterRangeFromTheSameStart) {
  const auto result = check_content(part("bytes 10-14/100", 5), asked({10, 20}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->body, (ByteRange{10, 15}));
}

TEST(CheckContentTest, RefusesAnotherStartAndALaterEnd) {
  EXPECT_EQ(code_of(check_content(part("bytes 9-18/100", 10), asked({10, 20}))), Errc::bad_reply);
  EXPECT_EQ(code_of(check_content(part("bytes 11-19/100", 9), asked({10, 20}))), Errc::bad_reply);
  EXPECT_EQ(code_of(check_content(part("bytes 10-20/100", 11), asked({10, 20}))), Errc::bad_reply);
}

TEST(CheckContentTest, RefusesALengthThatContradictsTheRange) {
  EXPECT_EQ(code_of(check_content(part("bytes 10-19/100", 9), asked({10, 20}))), Errc::bad_reply);
}

TEST(CheckContentTest, RefusesAPartWithoutRangeOrTotal) {
  for (const char* text : {"", "bytes */100", "bytes 10-19/*", "lines 10-19/100"}) {
    EXPECT_EQ(code_of(check_content(part(text, 10), asked({10, 20}))), Errc::bad_reply) << text;
  }
}

TEST(CheckContentTest, RefusesAPartThatWasNotAskedFor) {
  EXPECT_EQ(code_of(check_content(part("bytes 0-9/100", 10), {{}, kKnown, kNow})), Errc::bad_reply);
}

TEST(CheckContentTest, AnotherTotalIsAnotherVersion) {
  EXPECT_EQ(code_of(check_content(part("bytes 10-19/101", 10), asked({10, 20}))), Errc::changed);
  EXPECT_EQ(
      code_of(check_content(part("bytes 10-19/101", 10), asked({10, 20}, Version{100, {}, {}}))),
      Errc::changed);
}

TEST(CheckContentTest, AnotherTagOrDateIsAnotherVersion) {
  ResponseHead head = part("bytes 10-19/100", 10);
  head.etag = "\"v2\"";
  EXPECT_EQ(code_of(check_content(head, asked({10, 20}))), Errc::changed);
  head = part("bytes 10-19/100", 10);
  head.etag.clear();  // a validator that the version has must be there
  EXPECT_EQ(code_of(check_content(head, asked({10, 20}))), Errc::changed);
  head.last_modified = kModified - 1;
  EXPECT_EQ(code_of(check_content(head, asked({10, 20}, Version{100, {}, kModified}))),
            Errc::changed);
}

TEST(CheckContentTest, WithoutKnownValidatorTheFirstAnswerDecides) {
  EXPECT_TRUE(check_content(part("bytes 10-19/100", 10), asked({10, 20}, Version{100, {}, {}})));
  EXPECT_TRUE(check_content(part("bytes 10-19/100", 10), asked({10, 20}, std::nullopt)));
}

TEST(CheckContentTest, PartsWithoutAnyValidatorAreNotTaken) {
  ResponseHead head = part("bytes 10-19/100", 10);
  head.etag.clear();
  head.last_modified.reset();
  EXPECT_EQ(code_of(check_content(head, asked({10, 20}, std::nullopt))), Errc::no_ranges);
  head = part("bytes 0-99/100", 100);
  head.etag.clear();
  head.last_modified.reset();
  EXPECT_TRUE(check_content(head, asked({0, 100}, std::nullopt)));
}

TEST(CheckContentTest, AnEncodedBodyIsRefused) {
  ResponseHead head = part("bytes 10-19/100", 10);
  head.content_encoding = "gzip";
  EXPECT_EQ(code_of(check_content(head, asked({10, 20}))), Errc::bad_reply);
  head.content_encoding = "identity";
  EXPECT_TRUE(check_content(head, asked({10, 20})));
}

TEST(CheckContentTest, ContradictingFieldsAreRefused) {
  ResponseHead head = part("bytes 10-19/100", 10);
  head.ambiguous = true;
  EXPECT_EQ(code_of(check_content(head, asked({10, 20}))), Errc::bad_reply);
}

TEST(CheckContentTest, TheWholeFileInPlaceOfARangeIsTaken) {
  const auto result = check_content(whole(100), asked({10, 20}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, (ByteRange{0, 100}));
}

TEST(CheckContentTest, TheWholeFileWithoutLengthNeedsTheKnownValidator) {
  ResponseHead head = whole(100);
  head.content_length.reset();
  EXPECT_TRUE(check_content(head, {{}, kKnown, kNow}));
  EXPECT_EQ(code_of(check_content(head, {{}, Version{100, {}, {}}, kNow})), Errc::bad_reply);
  EXPECT_EQ(code_of(check_content(head, {{}, Version{100, "\"v0\"", {}}, kNow})), Errc::bad_reply);
}

TEST(ProbedSizeTest, ReadsEveryFormOfAnswer) {
  EXPECT_EQ(probed_size(whole(7)), 7u);
  EXPECT_EQ(probed_size(part("bytes 0-0/9", 1)), 9u);
  ResponseHead refused;
  refused.status = 416;
  EXPECT_EQ(probed_size(refused), 0u);
  refused.content_range = "bytes */0";
  EXPECT_EQ(probed_size(refused), 0u);
  refused.content_range = "bytes */5";
  EXPECT_FALSE(probed_size(refused));
  EXPECT_FALSE(probed_size(part("bytes 1-1/9", 1)));
  ResponseHead silent = whole(7);
  silent.content_length.reset();
  EXPECT_FALSE(probed_size(silent));
}

TEST(IfRangeTest, IsTheTagElseTheDateElseNothing) {
  EXPECT_EQ(if_range_value(kKnown), "\"v1\"");
  EXPECT_EQ(if_range_value({100, "", 784111777}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(if_range_value({100, "", {}}), "");
}

}  // namespace
}  // namespace lazymirror
