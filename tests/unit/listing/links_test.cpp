// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "fixtures.h"
#include "listing/link_judge.h"

namespace lazymirror {
namespace {

void expect_same(const LinkJudge& judge, const std::string& href) {
  const Link quick = judge.judge(href);
  const Link slow = judge.judge_by_url(href);
  EXPECT_EQ(quick.kind, slow.kind) << "'" << href << "'";
  EXPECT_EQ(quick.segment, slow.segment) << "'" << href << "'";
  EXPECT_EQ(quick.directory, slow.directory) << "'" << href << "'";
}

// Pieces that matter to URLs and paths.
const std::vector<std::string>& pieces() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out{std::string(90, 'n'), std::string(256, 'm')};
    std::istringstream words(
        "a B9 .. . / // ./ ../ %2e %2E %2f %2F %00 %25 % %4 %zz %C3%A9 %c3 \xC3\xA9 \xFF : ? # @ "
        "http: http://h/ \\ h/d/ /d/ http://h/d/ //h/d/ https://h/d/ http://u@h/d/ \x01 \x7F + "
        ";x=1 & = ~ ' ( * $ _ - javascript: %2e%2e [ ] | ^ ` { <");
    for (std::string word; words >> word;) out.push_back(word);
    out.insert(out.end(), {" ", "\t", "\n"});
    return out;
  }();
  return all;
}

// Pieces put together at random, the same ones in every run.
class HrefMaker {
 public:
  std::string next() {
    std::uniform_int_distribution<std::size_t> length(1, 6);
    std::uniform_int_distribution<std::size_t> which(0, pieces().size() - 1);
    std::string out;
    for (std::size_t i = length(random_); i > 0; --i) out += pieces()[which(random_)];
    return out;
  }

 private:
  std::mt19937 random_{20261122};
};

std::string html_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '&' || c == '<' || c == '"') {
      out += "&#" + std::to_string(code) + ";";
    } else {
      out += c;
    }
  }
  return out;
}

TEST(LinkJudge, ShortCutAgreesWithTheUrlLibraryOnAllRecordedPages) {
  const std::regex href("href=\"([^\"]*)\"", std::regex::icase);
  std::size_t count = 0;
  for (const std::string& path : fixtures::all_pages()) {
    const std::string page = fixtures::read(path);
    const Url base = fixtures::base_of(path);
    const LinkJudge judge(base, true);
    for (std::sregex_iterator at(page.begin(), page.end(), href), end; at != end; ++at) {
      expect_same(judge, (*at)[1].str());
      ++count;
    }
  }
  EXPECT_GT(count, 4000u);
}

TEST(LinkJudge, ShortCutAgreesWithTheUrlLibraryOnMadeUpLinks) {
  HrefMaker maker;
  for (const std::string_view at : {"http://h/", "http://h/d/", "http://h:81/a%20b/d/"}) {
    const Url base = fixtures::url(at);
    const LinkJudge judge(base, true);
    for (int i = 0; i < 20'000; ++i) expect_same(judge, maker.next());
  }
}

TEST(LinkJudge, TellsWhatALinkMeansForItsDirectory) {
  const Url base = fixtures::url("http://h/a/d/");
  const LinkJudge judge(base, true);
  const auto kind = [&](std::string_view href) { return judge.judge(href).kind; };
  EXPECT_EQ(kind("x"), LinkKind::child);
  EXPECT_EQ(kind("./a:b"), LinkKind::child);
  EXPECT_EQ(kind("/a/d/x/"), LinkKind::child);
  EXPECT_EQ(kind("http://h/a/d/x"), LinkKind::child);
  EXPECT_EQ(kind("  x  "), LinkKind::child);
  EXPECT_EQ(kind("x/?C=N&O=D"), LinkKind::child);
  EXPECT_EQ(kind("x?y"), LinkKind::queried);
  EXPECT_EQ(kind("x#y"), LinkKind::queried);
  EXPECT_EQ(kind("?C=N;O=D"), LinkKind::query);
  EXPECT_EQ(kind("/a/d/?sort=name"), LinkKind::query);
  EXPECT_EQ(kind("#top"), LinkKind::query);
  EXPECT_EQ(kind("../"), LinkKind::above);
  EXPECT_EQ(kind(".."), LinkKind::above);
  EXPECT_EQ(kind("."), LinkKind::above);
  EXPECT_EQ(kind(""), LinkKind::above);
  EXPECT_EQ(kind("/"), LinkKind::above);
  EXPECT_EQ(kind("/a"), LinkKind::above);
  EXPECT_EQ(kind("/icons/x.png"), LinkKind::stray);
  EXPECT_EQ(kind("x/y"), LinkKind::stray);
  EXPECT_EQ(kind("x/y/../../../z"), LinkKind::stray);
  EXPECT_EQ(kind("//other/a/d/x"), LinkKind::foreign);
  EXPECT_EQ(kind("https://h/a/d/x"), LinkKind::foreign);
  EXPECT_EQ(kind("http://h:81/a/d/x"), LinkKind::foreign);
  EXPECT_EQ(kind("http://user@h/a/d/x"), LinkKind::foreign);
  EXPECT_EQ(kind("mailto:x@y"), LinkKind::foreign);
  EXPECT_EQ(kind("javascript:alert(1)"), LinkKind::foreign);
  EXPECT_EQ(kind("file:///etc/passwd"), LinkKind::foreign);
}

TEST(LinkJudge, RefusesRawBytesOfAPageThatIsNotUtf8) {
  const Url base = fixtures::url("http://h/d/");
  EXPECT_EQ(LinkJudge(base, true).judge("\xC3\xA9").segment, "%c3%a9");
  EXPECT_EQ(LinkJudge(base, false).judge("\xC3\xA9").kind, LinkKind::refused);
  EXPECT_EQ(LinkJudge(base, false).judge("%C3%A9").kind, LinkKind::child);
}

// The names that a page of these links may yield, worked out the slow way.
std::set<std::string> model(const Url& base, const std::vector<std::string>& hrefs) {
  std::set<std::string> out;
  const LinkJudge judge(base, true);
  for (const std::string& href : hrefs) {
    const Link link = judge.judge_by_url(href);
    if (link.kind != LinkKind::child) continue;
    const auto decoded = decode_segment(link.segment);
    if (decoded && EntryName::make(*decoded)) out.insert(*decoded);
  }
  return out;
}

TEST(HostileLinks, YieldNoNameThatCouldLeaveTheDirectory) {
  const Url base = fixtures::url("http://h/d/");
  HrefMaker maker;
  std::size_t accepted = 0;
  for (int page = 0; page < 100; ++page) {
    std::vector<std::string> hrefs;
    std::vector<std::string> escaped;
    while (hrefs.size() < 1000) {
      const std::string href = maker.next();
      if (href.find('\xFF') != href.npos) continue;  // makes the page not UTF-8
      hrefs.push_back(href);
      escaped.push_back(html_escaped(href));
    }
    const std::string body = fixtures::nginx_page(escaped);
    const auto listing = parse_listing({body, "text/html", base});
    ASSERT_TRUE(listing) << listing.error().message;
    std::set<std::string> names;
    for (const ListedEntry& entry : listing->entries) {
      const std::string& name = entry.name.str();
      ASSERT_TRUE(EntryName::make(name));
      ASSERT_TRUE(names.insert(name).second) << name;
      const auto child = base.child(entry.href, false);
      ASSERT_TRUE(child) << entry.href;
      ASSERT_EQ(decode_segment(entry.href).value(), name);
    }
    ASSERT_EQ(names, model(base, hrefs));
    accepted += names.size();
  }
  EXPECT_GT(accepted, 5000u);
}

TEST(HostileLinks, AreCountedWhenTheyNameSomethingHere) {
  const Url base = fixtures::url("http://h/d/");
  const std::string body = fixtures::nginx_page({"ok", "%2e%2e", "..%2f", "a%00b", "a%2Fb",
                                                 std::string(256, 'x'), "bad%zz", "http://else/x"});
  const Listing listing = parse_listing({body, "text/html", base}).value();
  ASSERT_EQ(listing.entries.size(), 1u);
  EXPECT_EQ(listing.refused, 6u);
}

TEST(HostileLinks, OfRawBytesFailClosedOnAPageThatIsNotUtf8) {
  const Url base = fixtures::url("http://h/d/");
  const std::string body = fixtures::nginx_page({"\xC3\xA9", "a", "\xFF"});
  const Listing listing = parse_listing({body, "text/html", base}).value();
  ASSERT_EQ(listing.entries.size(), 1u);
  EXPECT_EQ(listing.entries[0].name.str(), "a");
  EXPECT_EQ(listing.refused, 2u);
}

TEST(Duplicates, AreDroppedAndADirectoryReplacesAFile) {
  const Url base = fixtures::url("http://h/d/");
  const std::string body = fixtures::nginx_page({"a", "b", "%61", "b/", "b", "c/", "c", "./a"});
  const Listing listing = parse_listing({body, "text/html", base}).value();
  ASSERT_EQ(listing.entries.size(), 3u);
  EXPECT_EQ(listing.entries[0].name.str(), "a");
  EXPECT_EQ(listing.entries[0].kind, EntryKind::file);
  EXPECT_EQ(listing.entries[1].name.str(), "b");
  EXPECT_EQ(listing.entries[1].kind, EntryKind::directory);
  EXPECT_FALSE(listing.entries[1].size);
  EXPECT_EQ(listing.entries[2].kind, EntryKind::directory);
}

TEST(Links, OutsideOfRowsAreNoEntries) {
  const Url base = fixtures::url("http://h/d/");
  const std::string body =
      "<html><title>Index of /d/</title><body><p><a href=\"from-a-header\">x</a></p>"
      "<h1>Index of /d/ <a href=\"crumb\">x</a></h1>"
      "<ul><li><a href=\"real\"> real</a></li></ul><a href=\"footer\">x</a></body></html>";
  const Listing listing = parse_listing({body, "text/html", base}).value();
  ASSERT_EQ(listing.entries.size(), 1u);
  EXPECT_EQ(listing.entries[0].name.str(), "real");
}

TEST(Links, OfALargeDirectoryAreAllRead) {
  std::vector<std::string> hrefs;
  for (int i = 0; i < 100'000; ++i) hrefs.push_back("file%20number-" + std::to_string(i));
  const Url base = fixtures::url("http://h/d/");
  const std::string body = fixtures::nginx_page(hrefs);
  const Listing listing = parse_listing({body, "text/html", base}).value();
  ASSERT_EQ(listing.entries.size(), hrefs.size());
  EXPECT_EQ(listing.entries.back().name.str(), "file number-99999");
}

}  // namespace
}  // namespace lazymirror
