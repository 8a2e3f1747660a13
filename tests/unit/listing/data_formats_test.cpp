// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fixtures.h"

namespace lazymirror {
namespace {

Result<Listing> parse(const std::string& body, std::string_view type) {
  const Url base = fixtures::url("http://h/d/");
  return parse_listing({body, type, base});
}

Result<Listing> parse_json(const std::string& body) { return parse(body, "application/json"); }

Result<Listing> parse_xml(const std::string& body) { return parse(body, "application/xml"); }

TEST(JsonListing, OfCaddyTakesTheNameFromTheUrl) {
  const auto listing = parse_json(
      R"([{"name":"x\ufffd.txt","size":6,"url":"./x%FF.txt",)"
      R"("mod_time":"2024-02-29T23:59:58.5Z","mode":420,"is_dir":false,"is_symlink":false},)"
      R"({"name":"d/","size":4096,"url":"./d/","mod_time":"?","is_dir":true}])");
  ASSERT_TRUE(listing) << listing.error().message;
  ASSERT_EQ(listing->entries.size(), 2u);
  EXPECT_EQ(listing->entries[0].name.str(), "x\xFF.txt");
  EXPECT_EQ(listing->entries[0].href, "x%FF.txt");
  EXPECT_EQ(listing->entries[0].kind, EntryKind::file);
  EXPECT_EQ(listing->entries[0].size, 6u);
  EXPECT_TRUE(listing->entries[0].mtime->zone_known);
  EXPECT_EQ(listing->entries[1].kind, EntryKind::directory);
  EXPECT_FALSE(listing->entries[1].size);
  EXPECT_FALSE(listing->entries[1].mtime);
}

TEST(JsonListing, OfNginxEscapesTheNameForTheUrl) {
  const auto listing = parse_json(
      R"([{ "name":"a b#\u00e9", "type":"file", "mtime":"Thu, 29 Feb 2024 23:59:58 GMT",)"
      R"( "size":5368709121 }, { "name":"s", "type":"other" }])");
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->entries[0].name.str(), "a b#\xC3\xA9");
  EXPECT_EQ(listing->entries[0].href, "a%20b%23%C3%A9");
  EXPECT_EQ(listing->entries[0].size, 5368709121u);
  EXPECT_EQ(listing->entries[1].kind, EntryKind::unknown);
}

TEST(JsonListing, RefusesNamesThatAreNone) {
  const auto listing = parse_json(
      R"([{"name":".."},{"name":"a/b"},{"name":"a\u0000b"},{"name":".","type":"directory"},)"
      R"({"name":"x","url":"%2e%2e"},{"name":"ok"},{"name":"y","size":-1},)"
      R"({"name":"z","size":1.5},{"name":"w","size":18446744073709551615}])");
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->refused, 5u);
  ASSERT_EQ(listing->entries.size(), 4u);
  for (const ListedEntry& entry : listing->entries) EXPECT_FALSE(entry.size);
}

TEST(JsonListing, PassesOverWhatItDoesNotKnow) {
  const auto listing = parse_json(
      R"([{"name":"a","extra":{"name":"b","size":[1,{"size":2}]},"tags":[[],null,true],"size":7}])");
  ASSERT_TRUE(listing) << listing.error().message;
  ASSERT_EQ(listing->entries.size(), 1u);
  EXPECT_EQ(listing->entries[0].name.str(), "a");
  EXPECT_EQ(listing->entries[0].size, 7u);
}

TEST(JsonListing, IsRefusedWhenItIsSomethingElse) {
  const std::vector<std::string> bodies{
      "",
      "null",
      "{}",
      R"({"files":[]})",
      "[1]",
      R"(["a"])",
      "[[]]",
      R"([{}])",
      R"([{"size":1}])",
      R"([{"name":""}])",
      R"([{"name":"a"})",
      R"([{"name":"a"}] trailing)",
      "[{\"name\":\"a\xFF\"}]",
      R"([{"name":"a","url":"http://else/a"}])",
      R"([{"name":"a","url":"../a"}])",
      "[" + std::string(100'000, '['),
      R"([{"name":"a","x":)" + std::string(100'000, '['),
  };
  for (const std::string& body : bodies) {
    const auto listing = parse_json(body);
    ASSERT_FALSE(listing) << body.substr(0, 60);
    EXPECT_EQ(listing.error().code, Errc::bad_reply) << body.substr(0, 60);
  }
}

TEST(XmlListing, OfNginxIsRead) {
  const auto listing = parse_xml(
      "<?xml version=\"1.0\"?>\r\n<list>\r\n"
      "<directory mtime=\"2024-02-29T23:59:58Z\">d</directory>\r\n"
      "<file mtime=\"2024-02-29T23:59:58Z\" size=\"6\"> a&amp;b&lt; \xC3\xA9</file>\r\n"
      "<other>s</other></list>\r\n");
  ASSERT_TRUE(listing) << listing.error().message;
  ASSERT_EQ(listing->entries.size(), 3u);
  EXPECT_EQ(listing->entries[0].kind, EntryKind::directory);
  EXPECT_EQ(listing->entries[1].name.str(), " a&b< \xC3\xA9");
  EXPECT_EQ(listing->entries[1].href, "%20a%26b%3C%20%C3%A9");
  EXPECT_EQ(listing->entries[1].size, 6u);
  EXPECT_TRUE(listing->entries[1].mtime->zone_known);
  EXPECT_EQ(listing->entries[2].kind, EntryKind::unknown);
}

TEST(XmlListing, IsRefusedWhenItIsSomethingElse) {
  const std::vector<std::string> bodies{
      "",
      "<list>",
      "<list><file>a</file>",
      "<lists></lists>",
      "<list><file><b>a</b></file></list>",
      "<list></list><list></list>",
      "<list><file>a\rb</file></list>",
      "<list><file>&x;</file></list>",
      "<!DOCTYPE list [<!ENTITY x \"y\">]><list><file>&x;</file></list>",
      "<!DOCTYPE list SYSTEM \"file:///etc/passwd\"><list></list>",
      "<D:multistatus xmlns:D=\"DAV:\"></D:multistatus>",
      std::string("<list>\0</list>", 14),
  };
  for (const std::string& body : bodies) {
    const auto listing = parse_xml(body);
    ASSERT_FALSE(listing) << body;
    EXPECT_EQ(listing.error().code, Errc::bad_reply) << body;
  }
  EXPECT_EQ(parse_xml("<list><file>..</file></list>")->refused, 1u);
}

}  // namespace
}  // namespace lazymirror
