// SPDX-License-Identifier: Apache-2.0
#include "http/status.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

TEST(StatusTest, EachStatusHasItsKindOfError) {
  EXPECT_EQ(status_error(401).code, Errc::denied);
  EXPECT_EQ(status_error(403).code, Errc::denied);
  EXPECT_EQ(status_error(407).code, Errc::denied);
  EXPECT_EQ(status_error(404).code, Errc::not_found);
  EXPECT_EQ(status_error(410).code, Errc::not_found);
  EXPECT_EQ(status_error(503).code, Errc::unreachable);
  EXPECT_EQ(status_error(418).code, Errc::bad_reply);
  EXPECT_EQ(status_error(204).code, Errc::bad_reply);
}

TEST(StatusTest, OnlyWhatMayPassIsTransient) {
  for (const long status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(is_transient(status));
  for (const long status : {200, 400, 401, 403, 404, 410, 416, 501, 505}) {
    EXPECT_FALSE(is_transient(status)) << status;
  }
}

TEST(StatusTest, TextsNameWhatIsKnown) {
  EXPECT_EQ(status_text(503), "503 (Service Unavailable)");
  EXPECT_EQ(status_text(299), "299");
}

TEST(TransportFailureTest, CertificatesAreNotTriedAgain) {
  EXPECT_FALSE(transport_failure(CURLE_PEER_FAILED_VERIFICATION, "").transient);
  EXPECT_TRUE(transport_failure(CURLE_COULDNT_CONNECT, "").transient);
  EXPECT_EQ(transport_failure(CURLE_COULDNT_CONNECT, "").error.code, Errc::unreachable);
}

TEST(TransportFailureTest, ASilentPeerIsATimeout) {
  EXPECT_EQ(transport_failure(CURLE_OPERATION_TIMEDOUT, "").error.code, Errc::timeout);
}

}  // namespace
}  // namespace lazymirror
