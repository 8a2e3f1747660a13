// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

class ProbeTest : public ::testing::Test {
 protected:
  ProbeTest() {
    oracle_.put("/f", {.size = 12'345});
    oracle_.put("/d/x", {.size = 1});
  }

  OracleOrigin oracle_;
  OriginClient client_{oracle_.url()};
};

TEST_F(ProbeTest, AFileShowsItsVersion) {
  const auto reply = client_.probe("/f");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_FALSE(reply->is_directory);
  EXPECT_EQ(reply->version.size, 12'345u);
  EXPECT_FALSE(reply->version.etag.empty());
  EXPECT_EQ(reply->version.last_modified, 1'700'000'000);
  EXPECT_EQ(oracle_.count("/f", "HEAD"), 1u);
  EXPECT_EQ(oracle_.count("/f", "GET"), 0u);
}

TEST_F(ProbeTest, ADirectoryIsKnownByItsRedirect) {
  const auto reply = client_.probe("/d");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->is_directory);
  EXPECT_EQ(oracle_.requests().size(), 1u);
}

TEST_F(ProbeTest, AUrlWithAFinalSlashIsADirectory) {
  const auto reply = client_.probe("/d/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->is_directory);
}

TEST_F(ProbeTest, OtherRedirectsLeadToAFile) {
  oracle_.inject("/alias", {.fault = Fault::redirect, .text = "/f"});
  const auto reply = client_.probe("/alias");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_FALSE(reply->is_directory);
  EXPECT_EQ(reply->version.size, 12'345u);
}

TEST_F(ProbeTest, WhereHeadIsRefusedOneByteIsAskedFor) {
  for (const std::uint64_t status : {405u, 501u}) {
    oracle_.inject("/f", {.fault = Fault::status, .value = status, .method = "HEAD"});
    const auto reply = client_.probe("/f");
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->version.size, 12'345u);
    EXPECT_EQ(oracle_.requests().back().range, "bytes=0-0");
  }
}

TEST_F(ProbeTest, WhereHeadStatesNoLengthOneByteIsAskedFor) {
  oracle_.inject("/f", {.fault = Fault::no_length, .method = "HEAD"});
  const auto reply = client_.probe("/f");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->version.size, 12'345u);
  EXPECT_EQ(oracle_.count("/f", "GET"), 1u);
}

TEST_F(ProbeTest, WithoutRangesTheLengthOfTheWholeIsEnough) {
  oracle_.put("/f", {.size = 5'000'000});
  oracle_.set_ranges(false);
  oracle_.inject("/f", {.fault = Fault::status, .value = 405, .method = "HEAD"});
  const auto reply = client_.probe("/f");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->version.size, 5'000'000u);
  EXPECT_LT(oracle_.body_bytes("/f"), 5'000'000u);
}

TEST_F(ProbeTest, AnEmptyFileIsSeenByHead) {
  oracle_.put("/empty", {.size = 0});
  const auto reply = client_.probe("/empty");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->version.size, 0u);
  EXPECT_FALSE(reply->is_directory);
}

TEST_F(ProbeTest, AnEmptyFileIsSeenByTheRefusedRange) {
  oracle_.put("/empty", {.size = 0});
  oracle_.inject("/empty", {.fault = Fault::no_length, .method = "HEAD"});
  const auto reply = client_.probe("/empty");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->version.size, 0u);
  EXPECT_EQ(oracle_.count("/empty", "GET"), 1u);
}

TEST_F(ProbeTest, AnEmptyFileIsSeenByABareRefusal) {
  oracle_.put("/empty", {.size = 0});
  oracle_.inject("/empty", {.fault = Fault::status, .value = 405});
  oracle_.inject("/empty", {.fault = Fault::status, .value = 416});
  const auto reply = client_.probe("/empty");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->version.size, 0u);
}

TEST_F(ProbeTest, AGeneratorWithoutLengthIsRefused) {
  oracle_.inject("/f", {.fault = Fault::no_length, .times = 0});
  EXPECT_EQ(code_of(client_.probe("/f")), Errc::bad_reply);
}

TEST_F(ProbeTest, StatusesBecomeErrors) {
  EXPECT_EQ(code_of(client_.probe("/none")), Errc::not_found);
  oracle_.inject("/f", {.fault = Fault::status, .value = 401});
  const auto reply = client_.probe("/f");
  EXPECT_EQ(code_of(reply), Errc::denied);
  EXPECT_NE(reply.error().message.find("401"), std::string::npos);
}

TEST_F(ProbeTest, AWeakTagIsNoValidator) {
  oracle_.inject("/f", {.fault = Fault::raw,
                        .text = "HTTP/1.1 200 OK\r\nETag: W/\"1\"\r\nContent-Length: 9\r\n\r\n"});
  const auto reply = client_.probe("/f");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_FALSE(reply->version.has_validator());
}

}  // namespace
}  // namespace lazymirror::testing
