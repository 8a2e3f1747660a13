// SPDX-License-Identifier: Apache-2.0
//
// Redirects, and who gets to see credentials and the user's own headers.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

constexpr const char* kBasic = "Basic bWU6c2VjcmV0";  // me:secret

class RedirectTest : public ::testing::Test {
 protected:
  RedirectTest() {
    oracle_.put("/f", {.size = 1000});
    oracle_.put("/g", {.size = 1000});
    other_.put("/f", {.size = 1000});
  }

  OracleOrigin oracle_;
  OracleOrigin other_;
  OriginClient client_{oracle_.url()};
};

TEST_F(RedirectTest, ContentIsReadFromWhereTheServerSays) {
  oracle_.inject("/f", {.fault = Fault::redirect, .text = other_.url("/f")});
  EXPECT_EQ(fault_of(client_.read("/f", {10, 500}), {10, 500}), "");
  EXPECT_EQ(other_.requests().back().range, "bytes=10-499");
}

TEST_F(RedirectTest, ALoopEndsAfterTheStatedNumber) {
  oracle_.inject("/f", {.fault = Fault::redirect, .text = "/g", .times = 0});
  oracle_.inject("/g", {.fault = Fault::redirect, .text = "/f", .times = 0});
  const auto outcome = client_.read("/f", {10, 500});
  EXPECT_EQ(code_of(outcome), Errc::bad_reply);
  EXPECT_EQ(oracle_.requests().size(), 6u);  // the first and five redirects
}

TEST_F(RedirectTest, OtherSchemesAreNotFollowed) {
  for (const char* target :
       {"file:///etc/passwd", "ftp://127.0.0.1/f", "//", "http://u:p@127.0.0.1/"}) {
    oracle_.inject("/f", {.fault = Fault::redirect, .text = target});
    EXPECT_EQ(code_of(client_.read("/f", {10, 500})), Errc::bad_reply) << target;
  }
}

TEST_F(RedirectTest, ARedirectWithoutPlaceIsRefused) {
  oracle_.inject("/f",
                 {.fault = Fault::raw, .text = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"});
  EXPECT_EQ(code_of(client_.read("/f", {10, 500})), Errc::bad_reply);
}

TEST_F(RedirectTest, CredentialsAndHeadersStayWithTheOrigin) {
  OriginOptions options = OriginClient::options(oracle_.url());
  options.username = "me";
  options.password = "secret";
  options.headers = {"X-Token: 123"};
  OriginClient client(std::move(options));
  oracle_.inject("/f", {.fault = Fault::redirect, .text = other_.url("/f")});
  EXPECT_EQ(fault_of(client.read("/f", {10, 500}), {10, 500}), "");
  const auto first = oracle_.requests().back();
  EXPECT_EQ(sent_header(first, "Authorization"), kBasic);
  EXPECT_EQ(sent_header(first, "X-Token"), "123");
  const auto second = other_.requests().back();
  EXPECT_EQ(sent_header(second, "Authorization"), "");
  EXPECT_EQ(sent_header(second, "X-Token"), "");
}

TEST_F(RedirectTest, CredentialsGoAlongOnTheSameOrigin) {
  oracle_.set_require_auth("me", "secret");
  OriginOptions options = OriginClient::options(oracle_.url());
  options.username = "me";
  options.password = "secret";
  OriginClient client(std::move(options));
  oracle_.inject("/f", {.fault = Fault::redirect, .text = "/g"});
  auto outcome = client.read("/f", {10, 500});
  ASSERT_TRUE(outcome.result) << outcome.result.error().message;
  EXPECT_EQ(sent_header(oracle_.requests().back(), "Authorization"), kBasic);
}

TEST_F(RedirectTest, WithoutCredentialsAProtectedOriginIsDenied) {
  oracle_.set_require_auth("me", "secret");
  EXPECT_EQ(code_of(client_.read("/f", {10, 500})), Errc::denied);
}

TEST_F(RedirectTest, UserInformationOfTheBaseIsUsedAndNotShown) {
  oracle_.set_require_auth("me", "secret");
  const std::string with_user =
      "http://me:secret@127.0.0.1:" + std::to_string(oracle_.port()) + "/";
  OriginClient client(with_user);
  EXPECT_EQ(fault_of(client.read("/f", {10, 500}), {10, 500}), "");
  const auto missing = client.read("/missing", {10, 500});
  EXPECT_EQ(code_of(missing), Errc::not_found);
  EXPECT_EQ(missing.result.error().message.find("secret"), std::string::npos);
}

TEST_F(RedirectTest, ANetrcFileIsUsed) {
  const std::string path = ::testing::TempDir() + "lm-netrc-" + std::to_string(getpid());
  std::ofstream(path) << "machine 127.0.0.1 login me password secret\n";
  oracle_.set_require_auth("me", "secret");
  OriginOptions options = OriginClient::options(oracle_.url());
  options.netrc_file = path;
  OriginClient client(std::move(options));
  EXPECT_EQ(fault_of(client.read("/f", {10, 500}), {10, 500}), "");
  // The same host name on another port is another origin.
  oracle_.inject("/f", {.fault = Fault::redirect, .text = other_.url("/f")});
  EXPECT_EQ(fault_of(client.read("/f", {10, 500}), {10, 500}), "");
  EXPECT_EQ(sent_header(other_.requests().back(), "Authorization"), "");
  unlink(path.c_str());
}

TEST_F(RedirectTest, AProxyIsAskedForAbsoluteUrls) {
  OriginOptions options = OriginClient::options("http://upstream.invalid/");
  options.proxy = oracle_.url();
  options.proxy_username = "me";
  options.proxy_password = "secret";
  OriginClient client(std::move(options));
  EXPECT_TRUE(client.probe("/f"));
  const auto request = oracle_.requests().front();
  EXPECT_EQ(request.target, "http://upstream.invalid/f");
  EXPECT_EQ(sent_header(request, "Proxy-Authorization"), kBasic);
}

TEST_F(RedirectTest, AnAttemptAfterAFailureAsksTheOriginForAnotherMirror) {
  OracleOrigin third;
  third.put("/f", {.size = 1000});
  other_.inject("/f", {.fault = Fault::reset, .times = 0});
  oracle_.inject("/f", {.fault = Fault::redirect, .text = other_.url("/f")});
  oracle_.inject("/f", {.fault = Fault::redirect, .text = third.url("/f")});
  EXPECT_EQ(fault_of(client_.read("/f", {10, 500}), {10, 500}), "");
  EXPECT_EQ(third.count("/f"), 1u);
}

}  // namespace
}  // namespace lazymirror::testing
