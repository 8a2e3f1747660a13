// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

class ListTest : public ::testing::Test {
 protected:
  ListTest() { oracle_.put("/d/f", {.size = 10}); }

  // An answer of our own making to the next request for `path`.
  void answer(const std::string& path, const std::string& fields, const std::string& body) {
    oracle_.inject(path,
                   {.fault = Fault::raw,
                    .text = "HTTP/1.1 200 OK\r\nConnection: close\r\n" + fields +
                            "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
  }

  OracleOrigin oracle_;
  OriginClient client_{oracle_.url()};
};

TEST_F(ListTest, TheBodyTypeAndBaseArrive) {
  const auto reply = client_.list("/d/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_NE(reply->body.find("href=\"f\""), std::string::npos);
  EXPECT_EQ(reply->content_type, "text/html");
  EXPECT_EQ(reply->base.str(), oracle_.url("/d/"));
  EXPECT_FALSE(reply->max_age);
}

TEST_F(ListTest, CompressionIsOffered) {
  ASSERT_TRUE(client_.list("/d/"));
  EXPECT_NE(sent_header(oracle_.requests().back(), "Accept-Encoding").find("gzip"),
            std::string::npos);
}

TEST_F(ListTest, ACompressedListingIsUnpacked) {
  // printf hello | gzip -n
  const std::string packed(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05"
      "\x00\x00\x00",
      25);
  answer("/d/", "Content-Encoding: gzip\r\n", packed);
  const auto reply = client_.list("/d/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "hello");
}

TEST_F(ListTest, ABrokenCompressionIsRefused) {
  answer("/d/", "Content-Encoding: gzip\r\n", "this is not gzip at all");
  EXPECT_EQ(code_of(client_.list("/d/")), Errc::bad_reply);
}

TEST_F(ListTest, TheAgeIsReported) {
  answer("/d/", "Cache-Control: public, max-age=90\r\n", "x");
  const auto reply = client_.list("/d/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->max_age, std::chrono::seconds(90));
}

TEST_F(ListTest, RedirectsMoveTheBase) {
  oracle_.inject("/old/", {.fault = Fault::redirect, .text = "/d/"});
  const auto reply = client_.list("/old/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->base.str(), oracle_.url("/d/"));
}

TEST_F(ListTest, ADirectoryWithoutSlashIsFollowedToItsOwnPlace) {
  const auto reply = client_.list("/d");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->base.str(), oracle_.url("/d/"));
}

TEST_F(ListTest, TheBaseOfAnIndexDocumentIsItsDirectory) {
  oracle_.put("/d/index.html", {.size = 5});
  oracle_.inject("/d/", {.fault = Fault::redirect, .text = "/d/index.html"});
  const auto reply = client_.list("/d/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->base.str(), oracle_.url("/d/"));
}

TEST_F(ListTest, APlaceWithoutSlashBecomesTheDirectory) {
  oracle_.put("/d2", {.size = 5});
  oracle_.inject("/d2/", {.fault = Fault::redirect, .text = "/d2"});
  const auto reply = client_.list("/d2/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->base.str(), oracle_.url("/d2/"));
}

TEST_F(ListTest, ARepeatedAttemptStartsAfresh) {
  const auto whole = client_.list("/d/");
  ASSERT_TRUE(whole);
  oracle_.inject("/d/", {.fault = Fault::short_body, .value = 20});
  const auto reply = client_.list("/d/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, whole->body);
}

TEST_F(ListTest, StatusesBecomeErrors) {
  EXPECT_EQ(code_of(client_.list("/none/")), Errc::not_found);
  oracle_.inject("/d/", {.fault = Fault::status, .value = 403});
  EXPECT_EQ(code_of(client_.list("/d/")), Errc::denied);
}

TEST_F(ListTest, AListingOverTheLimitIsRefused) {
  OriginOptions options = OriginClient::options(oracle_.url());
  options.max_listing_bytes = 1000;
  OriginClient small(std::move(options));
  answer("/d/", "", std::string(1000, 'x'));
  EXPECT_TRUE(small.list("/d/"));
  answer("/d/", "", std::string(1001, 'x'));
  EXPECT_EQ(code_of(small.list("/d/")), Errc::bad_reply);
}

TEST_F(ListTest, AnEndlessListingIsCutAtTheLimit) {
  OriginOptions options = OriginClient::options(oracle_.url());
  options.max_listing_bytes = 1000;
  OriginClient small(std::move(options));
  oracle_.inject(
      "/d/", {.fault = Fault::raw, .text = "HTTP/1.1 200 OK\r\n\r\n" + std::string(500'000, 'x')});
  const auto reply = small.list("/d/");
  EXPECT_EQ(code_of(reply), Errc::bad_reply);
  EXPECT_EQ(oracle_.count("/d/"), 1u);
}

TEST_F(ListTest, SilenceEndsAtTheDeadline) {
  oracle_.inject("/d/", {.fault = Fault::stall_in_body, .value = 5, .times = 0});
  EXPECT_EQ(code_of(client_.list("/d/", Duration{300})), Errc::timeout);
}

}  // namespace
}  // namespace lazymirror::testing
