// SPDX-License-Identifier: Apache-2.0
#include "config/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using testing::HasSubstr;

Options good() {
  Options options;
  options.url = "http://h/pub/";
  options.mountpoint = "/mnt/pub";
  return options;
}

// The objection to good options after `change`; empty: none.
template <typename F>
std::string objection(F change) {
  Options options = good();
  change(options);
  const auto valid = validate(Command::mount, options);
  return valid ? "" : valid.error().message;
}

TEST(ValidateTest, DefaultsAreFine) {
  EXPECT_EQ(objection([](Options&) {}), "");
}

TEST(ValidateTest, UrlMustBeHttp) {
  EXPECT_THAT(objection([](Options& o) { o.url = "ftp://h/"; }), HasSubstr("ftp://h/"));
  EXPECT_THAT(objection([](Options& o) { o.url = "http://h/?a=b"; }), HasSubstr("query"));
}

TEST(ValidateTest, TheQuotaIsASizeAndAShare) {
  EXPECT_EQ(objection([](Options& o) { o.cache_size = 1u << 20, o.min_free_space = "10G"; }), "");
  EXPECT_EQ(objection([](Options& o) { o.min_free_space = "0"; }), "");
  EXPECT_THAT(objection([](Options& o) { o.cache_size = 1000; }),
              testing::AllOf(HasSubstr("--cache-size"), HasSubstr("1.0 MiB")));
  EXPECT_THAT(objection([](Options& o) { o.min_free_space = "100%"; }),
              testing::AllOf(HasSubstr("--min-free-space"), HasSubstr("'100%'")));
  EXPECT_THAT(objection([](Options& o) { o.min_free_space = ""; }), HasSubstr("--min-free-space"));
}

TEST(ValidateTest, UserNamesComeFromOnePlace) {
  EXPECT_EQ(objection([](Options& o) { o.url = "http://u:p@h/"; }), "");
  EXPECT_THAT(objection([](Options& o) { o.url = "http://u:p@h/", o.username = "v"; }),
              HasSubstr("more than one place"));
  EXPECT_THAT(objection([](Options& o) { o.netrc = true, o.username = "v"; }),
              HasSubstr("more than one place"));
  EXPECT_EQ(objection([](Options& o) { o.netrc = true, o.netrc_file = "/n"; }), "");
}

TEST(ValidateTest, PasswordsNeedUserNames) {
  EXPECT_THAT(objection([](Options& o) { o.password = "p"; }), HasSubstr("--username"));
  EXPECT_THAT(objection([](Options& o) { o.proxy = "x", o.proxy_password = "p"; }),
              HasSubstr("--proxy-username"));
  EXPECT_THAT(objection([](Options& o) { o.proxy_username = "u"; }), HasSubstr("--proxy"));
}

TEST(ValidateTest, HeadersHaveAFormAndSomeAreOurs) {
  for (const char* header : {"A: 1", "Authorization: Bearer x,y", "X-Empty:"}) {
    EXPECT_EQ(objection([&](Options& o) { o.headers = {header}; }), "") << header;
  }
  for (const char* header :
       {"A", ": 1", "A B: 1", "A: 1\r\nB: 2", "Range: bytes=0-1", "accept-encoding: gzip"}) {
    EXPECT_NE(objection([&](Options& o) { o.headers = {header}; }), "") << header;
  }
}

TEST(ValidateTest, SecretsInHeadersAreNotRepeated) {
  EXPECT_THAT(objection([](Options& o) { o.headers = {"Authorization Bearer secret"}; }),
              testing::Not(HasSubstr("secret")));
  EXPECT_THAT(objection([](Options& o) { o.headers = {"Authorization: secret\n"}; }),
              testing::Not(HasSubstr("secret")));
}

TEST(ValidateTest, NoWaitLastsForEver) {
  EXPECT_THAT(objection([](Options& o) { o.timeout = Duration(0); }), HasSubstr("--timeout"));
  EXPECT_THAT(objection([](Options& o) { o.connect_timeout = Duration(0); }),
              HasSubstr("--connect-timeout"));
  EXPECT_THAT(objection([](Options& o) { o.low_speed_time = Duration(0); }),
              HasSubstr("--low-speed-time"));
  EXPECT_EQ(objection([](Options& o) { o.ttl = Duration(0); }), "") << "ask every time";
}

TEST(ValidateTest, CacheAndMountPointStandApart) {
  const auto with = [](std::string cache, std::string mountpoint) {
    return objection([&](Options& o) { o.cache_location = cache, o.mountpoint = mountpoint; });
  };
  EXPECT_THAT(with("/mnt/pub/cache", "/mnt/pub"), HasSubstr("hide"));
  EXPECT_THAT(with("/mnt/pub", "/mnt/pub/"), HasSubstr("hide"));
  EXPECT_THAT(with("/mnt/x/../pub/cache", "/mnt/pub"), HasSubstr("hide"));
  EXPECT_THAT(with("/c", "/c/data"), HasSubstr("lies in the cache"));
  EXPECT_EQ(with("/mnt/pub-cache", "/mnt/pub"), "");
  EXPECT_THAT(with("/c", "/"), HasSubstr("hide"));
}

TEST(ValidateTest, InsecureTlsAndAuthoritiesExcludeEachOther) {
  EXPECT_THAT(objection([](Options& o) { o.insecure_tls = true, o.ca_file = "/ca"; }),
              HasSubstr("--insecure-tls"));
}

}  // namespace
}  // namespace lazymirror
