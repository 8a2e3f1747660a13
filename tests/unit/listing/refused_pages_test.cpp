// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fixtures.h"

namespace lazymirror {
namespace {

Result<Listing> parse_html(const std::string& body, const ListingLimits& limits = {}) {
  const Url base = fixtures::url("http://h/d/");
  return parse_listing({body, "text/html", base}, limits);
}

void expect_refused(const Result<Listing>& listing, const std::string& what) {
  ASSERT_FALSE(listing) << what;
  EXPECT_EQ(listing.error().code, Errc::bad_reply) << what;
  EXPECT_FALSE(listing.error().message.empty());
}

TEST(RefusedPage, IsARedirectAnErrorOrAnIndexPage) {
  const std::vector<std::string> pages{
      "nginx/redirect-noslash.html",
      "nginx/noaccess.html",
      "nginx/withindex.html",
      "nginx/autoindex-jsonp-root.js",
      "apache/redirect-noslash.html",
      "apache/withindex.html",
      "caddy/redirect-noslash.html",
      "caddy/file-with-slash.html",
      "lighttpd/redirect-noslash.html",
      "python-http.server/redirect-noslash.html",
      "darkhttpd/redirect-noslash.html",
      "go-net-http/redirect-noslash.html",
      "h2o/redirect-noslash.html",
      "mini-httpd/redirect-noslash.html",
      "webfs/redirect-noslash.html",
      "twisted/redirect-noslash.html",
      "tomcat/redirect-noslash.html",
      "jetty/redirect-noslash.html",
      "ruby-webrick/redirect-noslash.html",
      "busybox-httpd/listing-root.html",
      "rclone-serve-http/redirect-noslash.html",
      "node-serve/listing-json-root.json",
  };
  for (const std::string& path : pages) expect_refused(fixtures::parse(path), path);
}

TEST(RefusedPage, HasBytesThatSpoilItsFormat) {
  expect_refused(fixtures::parse("nginx/autoindex-json-root.json"), "a name that is not UTF-8");
  expect_refused(fixtures::parse("nginx/autoindex-xml-root.xml"), "a control byte");
}

TEST(RefusedPage, IsCutOffAnywhere) {
  for (const std::string& path : fixtures::all_pages()) {
    const std::string whole = fixtures::read(path);
    const Url base = fixtures::base_of(path);
    const auto good = parse_listing({whole, fixtures::content_type_of(path), base});
    if (!good) continue;
    const std::size_t step = std::max<std::size_t>(1, whole.size() / 100);
    for (std::size_t cut = 0; cut<whole.size(); cut += cut + 60> whole.size() ? 1 : step) {
      const std::string part = whole.substr(0, cut);
      const auto listing = parse_listing({part, fixtures::content_type_of(path), base});
      // Only what stands behind the listing may be missing.
      if (listing) {
        EXPECT_EQ(listing->entries.size(), good->entries.size()) << path << " " << cut;
      }
    }
  }
}

TEST(RefusedPage, ContainsNul) {
  std::string body = fixtures::nginx_page({"a", "b"});
  ASSERT_TRUE(parse_html(body));
  body.insert(body.find("<a href=\"b\""), 1, '\0');
  expect_refused(parse_html(body), "NUL");
}

TEST(RefusedPage, NestsTooDeep) {
  std::string rows;
  for (int i = 0; i < 5000; ++i) rows += "<font><a href=\"f" + std::to_string(i) + "\">f</a>\n";
  expect_refused(parse_html("<title>Index of /d/</title><pre>" + rows + "</pre>"), "unclosed");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<div>";
  expect_refused(parse_html("<title>Index of /d/</title><pre></pre>" + deep), "deep");
}

TEST(RefusedPage, HasATagThatWouldKeepTheParserBusyForMinutes) {
  std::string tag = "<b";
  for (int i = 0; i < 1'000'000; ++i) tag += " a" + std::to_string(i);
  expect_refused(parse_html("<title>Index of /d/</title><pre></pre>" + tag + ">"), "attributes");
}

TEST(RefusedPage, HasABaseThatSendsItsLinksElsewhere) {
  std::string body = fixtures::nginx_page({"a"});
  body.insert(body.find("<title>"), "<base href=\"/other/\">");
  expect_refused(parse_html(body), "base");
}

TEST(RefusedPage, WasWrittenForAnotherAddress) {
  // Jetty behind a proxy that takes away a prefix: absolute links all miss.
  const std::string body = fixtures::read("jetty/listing-root.html");
  const Url base = fixtures::url("http://h/pub/");
  expect_refused(parse_listing({body, "text/html", base}), "no link leads below");
}

TEST(RefusedPage, ExceedsALimit) {
  std::vector<std::string> hrefs;
  for (int i = 0; i < 1001; ++i) hrefs.push_back("f" + std::to_string(i));
  const std::string body = fixtures::nginx_page(hrefs);
  EXPECT_EQ(parse_html(body, {.max_entries = 1001}).value().entries.size(), 1001u);
  expect_refused(parse_html(body, {.max_entries = 1000}), "entries");
  expect_refused(parse_html(body, {.max_bytes = body.size() - 1}), "bytes");
}

TEST(RefusedPage, IsProseThatHappensToSpeakOfAnIndex) {
  expect_refused(parse_html("<title>Index of functions</title><ul><li><a href=\"f\">f</a></ul>"),
                 "an index of something else");
  expect_refused(parse_html("<pre>Not found, see <a href=\"help\">help</a></pre>"), "an error");
  expect_refused(parse_html("<html><title>Index of /d/</title><a href=f>f</a></html>"),
                 "no container");
  expect_refused(parse_html(""), "nothing");
  const Url base = fixtures::url("http://h/d/");
  for (const std::string_view type : {"text/html", "text/xml", "application/json", ""}) {
    expect_refused(parse_listing({std::string_view(), type, base}), "no bytes at all");
  }
}

TEST(RefusedPage, IsOfATypeThatIsNoListing) {
  const Url base = fixtures::url("http://h/d/");
  const std::string body = fixtures::nginx_page({"a"});
  expect_refused(parse_listing({body, "application/octet-stream", base}), "type");
  expect_refused(parse_listing({"some text", "", base}), "no type");
  EXPECT_TRUE(parse_listing({body, "", base}));
  EXPECT_TRUE(parse_listing({body, "TEXT/HTML;charset=%s", base}));
}

TEST(RefusedPage, ComesFromAnAddressThatIsNoDirectory) {
  const Url base = fixtures::url("http://h/d");
  expect_refused(parse_listing({fixtures::nginx_page({"a"}), "text/html", base}), "base");
}

}  // namespace
}  // namespace lazymirror
