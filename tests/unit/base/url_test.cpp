// SPDX-License-Identifier: Apache-2.0
#include "base/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/entry_name.h"

namespace lazymirror {
namespace {

using testing::HasSubstr;
using testing::Not;

Url url(std::string_view text) {
  auto made = Url::parse(text);
  EXPECT_TRUE(made) << text;
  return *made;
}

// What a listing at http://h/pub/ makes of a link: the segment of a child.
std::optional<std::string> child_of_pub(std::string_view href) {
  const Url base = url("http://h/pub/");
  const auto target = base.resolve(href);
  return target ? base.child_segment(*target) : std::nullopt;
}

TEST(UrlTest, PartsAreTakenApart) {
  const Url u = url("https://h:8443/a%20b/c?q=1#f");
  EXPECT_EQ(u.scheme(), "https");
  EXPECT_EQ(u.host(), "h");
  EXPECT_EQ(u.port(), "8443");
  EXPECT_EQ(u.path(), "/a%20b/c");
  EXPECT_EQ(u.query(), "q=1");
  EXPECT_EQ(u.str(), "https://h:8443/a%20b/c?q=1");
}

TEST(UrlTest, DefaultPortIsFilledInAndNotShown) {
  EXPECT_EQ(url("http://h:80/").str(), "http://h/");
  EXPECT_EQ(url("http://h/").port(), "80");
  EXPECT_EQ(url("https://h/").port(), "443");
}

TEST(UrlTest, OnlyAbsoluteHttpUrlsAreTaken) {
  for (const char* text : {"", "cdn.kernel.org/pub", "/pub/", "ftp://h/", "file:///etc/passwd",
                           "http:h", "mailto:a@b", "http://h:x/", "http://h/\n"}) {
    const auto made = Url::parse(text);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().code, Errc::invalid);
  }
  EXPECT_FALSE(Url::parse(std::string_view("http://h/\0x", 11)));
}

TEST(UrlTest, MissingSchemeSaysWhatToWrite) {
  EXPECT_THAT(Url::parse("cdn.kernel.org/pub").error().message, HasSubstr("https://"));
}

TEST(UrlTest, CredentialsAreKeptApartFromTheText) {
  const Url u = url("http://us%40er:se%3Acret@h/pub/");
  EXPECT_EQ(u.user(), "us@er");
  EXPECT_EQ(u.password(), "se:cret");
  EXPECT_EQ(u.str(), "http://h/pub/");
  EXPECT_THAT(u.resolve("x")->str(), Not(HasSubstr("cret")));
  EXPECT_THAT(u.child("x", true)->str(), Not(HasSubstr("cret")));
  EXPECT_THAT(u.as_directory().str(), Not(HasSubstr("cret")));
}

TEST(UrlTest, CredentialsAreNotRepeatedInErrors) {
  for (const char* text :
       {"http://user:secret@:x/", "ftp://user:secret@h/", "http://user:secret@",
        "http://user:se@cret@h:x/", "http://user:secret/12@h/", "http://user:secret#1?2@h/"}) {
    const auto made = Url::parse(text);
    ASSERT_FALSE(made) << text;
    EXPECT_THAT(made.error().message, Not(HasSubstr("secret"))) << text;
    EXPECT_THAT(made.error().message, Not(HasSubstr("cret@"))) << text;
  }
}

TEST(UrlTest, CredentialsGoToTheSameOriginOnly) {
  const Url u = url("http://user:secret@h/pub/");
  EXPECT_EQ(u.resolve("x")->password(), "secret");
  EXPECT_EQ(u.resolve("//h/elsewhere")->password(), "secret");
  for (const char* href : {"//other/pub/x", "https://h/pub/x", "http://h:81/pub/x"}) {
    EXPECT_EQ(u.resolve(href)->password(), "") << href;
    EXPECT_EQ(u.resolve(href)->user(), "") << href;
  }
}

TEST(UrlTest, LinksThatCarryCredentialsAreRefused) {
  EXPECT_FALSE(url("http://h/").resolve("http://user:secret@h/x"));
  EXPECT_FALSE(url("http://h/").resolve("//user@h/x"));
}

TEST(UrlTest, HostNamesDoNotDependOnCase) {
  EXPECT_EQ(url("http://EXAMPLE.org/A").str(), "http://example.org/A");
  EXPECT_TRUE(url("http://EXAMPLE.org/").same_origin(url("HTTP://example.ORG:80/x")));
}

TEST(UrlTest, OriginIsSchemeHostAndPort) {
  const Url u = url("http://h/");
  EXPECT_FALSE(u.same_origin(url("https://h/")));
  EXPECT_FALSE(u.same_origin(url("http://h:8080/")));
  EXPECT_FALSE(u.same_origin(url("http://h.evil/")));
}

TEST(UrlTest, AsDirectoryEndsThePathAndDropsTheQuery) {
  EXPECT_EQ(url("http://h").as_directory().str(), "http://h/");
  EXPECT_EQ(url("http://h/a").as_directory().str(), "http://h/a/");
  EXPECT_EQ(url("http://h/a/").as_directory().str(), "http://h/a/");
  EXPECT_EQ(url("http://h:81/a?C=N;O=D").as_directory().str(), "http://h:81/a/");
}

TEST(UrlTest, ChildrenOfAListing) {
  EXPECT_EQ(child_of_pub("a"), "a");
  EXPECT_EQ(child_of_pub("a/"), "a");
  EXPECT_EQ(child_of_pub("./a"), "a");
  EXPECT_EQ(child_of_pub("/pub/a"), "a");
  EXPECT_EQ(child_of_pub("//h/pub/a"), "a");
  EXPECT_EQ(child_of_pub("http://H/pub/a/"), "a");
  EXPECT_EQ(child_of_pub("a#top"), "a");
  EXPECT_EQ(child_of_pub("./a:b"), "a:b");
  EXPECT_EQ(child_of_pub("../pub/a"), "a");
}

TEST(UrlTest, LinksThatAreNoChildren) {
  for (const char* href : {"",
                           ".",
                           "./",
                           "..",
                           "../",
                           "../a",
                           "/",
                           "/a",
                           "/Pub/a",
                           "/pub",
                           "/pub/",
                           "a/b",
                           "a//b",
                           "a/./../..",
                           "?C=N;O=D",
                           "a?x",
                           "#top",
                           "//other/pub/a",
                           "https://h/pub/a",
                           "mailto:a@b",
                           "javascript:void(0)",
                           "ftp://h/pub/a",
                           "http://h:81/pub/a"}) {
    EXPECT_EQ(child_of_pub(href), std::nullopt) << href;
  }
}

TEST(UrlTest, DotsInDisguiseDoNotSurviveDecoding) {
  for (const char* href : {"%2e%2e", "%2e%2e/", ".%2e", "%2E", "..%2f", "..%2fetc", "%2e%2e%2fetc",
                           "a%2Fb", "a%00b"}) {
    const auto segment = child_of_pub(href);
    if (!segment) continue;  // libcurl may see through it already
    const auto name = decode_segment(*segment);
    EXPECT_FALSE(name && EntryName::make(*name)) << href;
  }
}

TEST(UrlTest, RawBytesAreEncoded) {
  EXPECT_EQ(decode_segment(*child_of_pub("a b")), "a b");
  EXPECT_EQ(decode_segment(*child_of_pub("\xc3\xa4")), "\xc3\xa4");
  EXPECT_EQ(decode_segment(*child_of_pub("\xff")), "\xff") << "Latin-1 stays what it is";
}

TEST(UrlTest, ChildAndSegmentAreInverse) {
  const Url base = url("http://h/pub/");
  for (const char* segment : {"a", "a%20b", "%c3%a4", "a:b", "..a", "a&b;c=d"}) {
    const auto child = base.child(segment, true);
    ASSERT_TRUE(child);
    EXPECT_EQ(base.child_segment(*child), segment);
    EXPECT_EQ(base.child_segment(url(child->str())), segment) << "also after parsing again";
  }
  EXPECT_EQ(base.child("a", true)->str(), "http://h/pub/a/");
  EXPECT_EQ(base.child("a", false)->str(), "http://h/pub/a");
}

TEST(UrlTest, ChildIsOneSegment) {
  for (const char* segment : {"", "a/b", "/", "a?b", "a#b"}) {
    EXPECT_FALSE(url("http://h/").child(segment, false)) << segment;
  }
}

TEST(SegmentTest, EncodingIsUndoneByDecodingForEveryByte) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  const auto decoded = decode_segment(encode_segment(bytes));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, bytes);
  EXPECT_EQ(encode_segment(""), "");
}

TEST(SegmentTest, BrokenEscapesAreRefused) {
  for (const char* text : {"%", "a%", "%2", "%zz", "%2g", "a%%20"}) {
    EXPECT_FALSE(decode_segment(text)) << text;
  }
  EXPECT_EQ(decode_segment("a+b%2B"), "a+b+") << "a plus is a plus in a path";
}

}  // namespace
}  // namespace lazymirror
