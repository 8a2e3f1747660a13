// SPDX-License-Identifier: Apache-2.0
//
// What real servers said of one tree full of odd names, held against the tree.
// Where a server leaves names out or garbles them, the table says so.
#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <set>
#include <string>

#include "fixtures.h"

namespace lazymirror {
namespace {

using Names = std::set<std::string>;  // percent-encoded

enum class Kinds { marked, unknown };
enum class Sizes { exact, none, some };

struct Page {
  std::string path;
  Names absent;        // of the tree, and not in the page or not reachable by its link
  Names garbled = {};  // in the page, and not in the tree
  Kinds kinds = Kinds::marked;
  Sizes sizes = Sizes::none;
  int resolution_s = 0;  // 0: no times
  bool zone_known = false;
  int shift_s = 0;  // of winter time as printed, against UTC
};

void PrintTo(const Page& page, std::ostream* out) { *out << page.path; }

Names operator+(Names a, const Names& b) {
  a.insert(b.begin(), b.end());
  return a;
}

const Names kNone;
const Names kDotNames{"..%252f", "...", "..foo", ".hidden-dir", ".hidden-file", ".htaccess.txt"};
const Names kBroken{"symlink-dangling", "symlink-loop"};
const Names kNotUtf8{"latin1-%E9%FF.txt", "utf8-cut-%C3.txt"};
const Names kControls{"ctrl-%01%1B%7F.txt", "new%0Aline.txt", "tab%09name.txt"};
const Names kDebianHides{"%23auto%23", "a%2Cv", "backup~"};
const Names kEntity{"amp%26amp%3Bentity.txt"};
const Names kEntityGarbled{"amp%26entity.txt"};
// Written without "./" before them these are links to another scheme.
const Names kSchemes{"a%3Ab", "dir%3Acolon", "http%3Ax", "javascript%3Aalert%281%29",
                     "mailto%3Ax%40y"};
// Servers that escape nothing in their links.
const Names kUnescaped = Names{"%23auto%23",     "%252e%252e",         "..%252f",
                               "100%25.txt",     "%3FC%3DN%3BO%3DD",   "dir%23hash",
                               "dir%2520pct",    "hash%23tag.txt",     "per%2520cent.txt",
                               "trail-space%20", "question%3Fmark.txt"} +
                         kControls + kEntity + kNotUtf8 + kBroken;
const Names kUnescapedGarbled{"amp%26entity.txt", "dir%20pct", "per%20cent.txt", "trail-space"};

constexpr int kNewYork = -5 * 3600;

std::vector<Page> nginx_pages() {
  const Names data = kDotNames + kBroken + kNotUtf8 + Names{"ctrl-%01%1B%7F.txt"};
  const Names fancy = kDotNames + Names{"symlink-loop"};
  return {
      {"nginx/autoindex-html-root.html", kDotNames, {}, Kinds::marked, Sizes::exact, 60, true},
      {"nginx/autoindex-html-root-charset-utf8.html",
       kDotNames,
       {},
       Kinds::marked,
       Sizes::exact,
       60,
       true},
      // Local time, which nothing in the page tells.
      {"nginx/autoindex-html-root-inexact-localtime.html",
       kDotNames,
       {},
       Kinds::marked,
       Sizes::none,
       60,
       true,
       kNewYork},
      {"nginx/autoindex-json-root-utf8only.json", data, {}, Kinds::marked, Sizes::exact, 1, true},
      {"nginx/autoindex-xml-root-utf8only.xml", data, {}, Kinds::marked, Sizes::exact, 1, true},
      {"nginx-fancyindex/html-root.html", fancy, {}, Kinds::marked, Sizes::exact, 60, true},
      {"nginx-fancyindex/html-root-sort-size-desc.html",
       fancy,
       {},
       Kinds::marked,
       Sizes::exact,
       60,
       true},
      {"nginx-fancyindex/html-root-inexact-localtime.html",
       fancy,
       {},
       Kinds::marked,
       Sizes::none,
       60,
       true,
       kNewYork},
  };
}

Page fancy_apache(const std::string& path, const Names& absent) {
  return {path, absent, {}, Kinds::marked, Sizes::none, 60, false, kNewYork};
}

std::vector<Page> apache_pages() {
  const Names hidden = kDebianHides + kDotNames + kBroken + Names{"noaccess-dir"};
  const Names apache = kBroken + Names{"noaccess-dir"};
  return {
      {"apache/plain-root.html", apache},
      fancy_apache("apache/plain-root-client-F1.html", apache),
      fancy_apache("apache/plain-root-client-F2.html", apache),
      fancy_apache("apache/fancy-pre-root.html", apache),
      fancy_apache("apache/fancy-htmltable-root.html", apache),
      fancy_apache("apache/olddate-nosize-root.html", apache),
      fancy_apache("apache/xhtml-ignoreclient-root.html", kBroken),
      fancy_apache("apache/debian-default-root.html", hidden),
      fancy_apache("apache/debian-default-root-sorted-size-desc.html", hidden),
      {"apache/debian-default-root-client-F0.html", hidden},
  };
}

std::vector<Page> lighttpd_caddy_and_python_pages() {
  return {
      {"lighttpd/dirlisting-root.html",
       kDotNames + kBroken,
       {},
       Kinds::marked,
       Sizes::none,
       1,
       false,
       kNewYork},
      {"lighttpd/dirlisting-root-dotfiles.html",
       kBroken,
       {},
       Kinds::marked,
       Sizes::none,
       1,
       false,
       kNewYork},
      {"caddy/browse-root.html", kNone, {}, Kinds::marked, Sizes::exact, 1, true},
      {"caddy/browse-root-sort-size-desc.html", kNone, {}, Kinds::marked, Sizes::exact, 1, true},
      {"caddy/browse-json-root.json", kNone, {}, Kinds::marked, Sizes::exact, 1, true},
      {"rclone-serve-http/listing-root.html",
       kBroken + kControls,
       {"ctrl-%E2%90%81%E2%90%9B%E2%90%A1.txt", "new%E2%90%8Aline.txt", "tab%E2%90%89name.txt"},
       Kinds::marked,
       Sizes::exact,
       1,
       true},
      {"python-http.server/listing-root.html",
       kNotUtf8,
       {"latin1-%ED%B3%A9%ED%B3%BF.txt", "utf8-cut-%ED%B3%83.txt"}},
  };
}

std::vector<Page> other_pages() {
  return {
      {"darkhttpd/listing-root.html",
       kBroken,
       {},
       Kinds::marked,
       Sizes::exact,
       60,
       false,
       kNewYork},
      {"go-net-http/listing-root.html", kEntity, kEntityGarbled, Kinds::unknown},
      {"h2o/listing-root.html", kNone, {}, Kinds::unknown},
      {"mini-httpd/listing-root.html", kNone, {}, Kinds::unknown, Sizes::none, 60, false, kNewYork},
      {"webfs/listing-root.html",
       kSchemes + kEntity + kBroken + Names{"noaccess-dir", "unreadable.txt"}, kEntityGarbled,
       Kinds::marked, Sizes::some, 86400},
      {"twisted/listing-root.html", kNotUtf8 + kBroken},
      {"aiohttp/listing-root.html", kUnescaped + Names{"quote%22double.txt"},
       kUnescapedGarbled + Names{"quote"}, Kinds::unknown},
      {"node-serve/listing-root.html", kUnescaped, kUnescapedGarbled, Kinds::unknown},
      {"node-serve-index/listing-root.html", kNotUtf8 + kBroken, {}, Kinds::unknown, Sizes::exact},
      {"node-http-server/listing-root.html",
       kNotUtf8,
       {"latin1-%EF%BF%BD%EF%BF%BD.txt", "utf8-cut-%EF%BF%BD.txt"},
       Kinds::marked,
       Sizes::none,
       60},
      {"tomcat/listing-root.html", kNotUtf8 + kBroken + kEntity, kEntityGarbled, Kinds::marked,
       Sizes::none, 1, true},
      {"jetty/listing-root.html",
       kNotUtf8 + kBroken,
       {},
       Kinds::marked,
       Sizes::exact,
       1,
       false,
       kNewYork},
      {"ruby-webrick/listing-root.html",
       kSchemes + kEntity + kNotUtf8 + kBroken +
           Names{"...", ".htaccess.txt", "%3FC%3DN%3BO%3DD", "backup~", "question%3Fmark.txt",
                 "trail-dot.", "trail-space%20"},
       kEntityGarbled, Kinds::marked, Sizes::exact, 60, false, kNewYork},
  };
}

std::vector<Page> pages() {
  std::vector<Page> out = nginx_pages();
  for (auto make : {apache_pages, lighttpd_caddy_and_python_pages, other_pages}) {
    for (Page& page : make()) out.push_back(std::move(page));
  }
  return out;
}

class RecordedPage : public testing::TestWithParam<Page> {
 protected:
  void SetUp() override {
    auto listing = fixtures::parse(GetParam().path);
    ASSERT_TRUE(listing) << listing.error().message;
    listing_ = std::move(*listing);
  }

  static const fixtures::Truth* truth_of(const ListedEntry& entry) {
    const auto found = fixtures::tree().find(entry.name.str());
    return found == fixtures::tree().end() ? nullptr : &found->second;
  }

  Listing listing_;
};

TEST_P(RecordedPage, YieldsTheNamesOfTheTree) {
  Names expected;
  for (const auto& [name, truth] : fixtures::tree()) expected.insert(name);
  for (const std::string& name : GetParam().absent) {
    EXPECT_EQ(expected.erase(decode_segment(name).value()), 1u) << name;
  }
  for (const std::string& name : GetParam().garbled) {
    expected.insert(decode_segment(name).value());
  }
  Names seen;
  for (const ListedEntry& entry : listing_.entries) {
    EXPECT_TRUE(seen.insert(entry.name.str()).second) << "twice: " << entry.name.str();
    EXPECT_EQ(decode_segment(entry.href).value(), entry.name.str());
  }
  EXPECT_EQ(seen, expected);
}

TEST_P(RecordedPage, TakesNoFileForADirectoryNorADirectoryForAFile) {
  for (const ListedEntry& entry : listing_.entries) {
    const auto* truth = truth_of(entry);
    if (truth == nullptr) continue;
    const auto right = truth->type == "dir" ? EntryKind::directory : EntryKind::file;
    if (GetParam().kinds == Kinds::unknown && entry.kind == EntryKind::unknown) continue;
    EXPECT_EQ(entry.kind, right) << entry.name.str();
  }
}

TEST_P(RecordedPage, GivesExactSizesOrNone) {
  for (const ListedEntry& entry : listing_.entries) {
    const auto* truth = truth_of(entry);
    if (entry.kind == EntryKind::directory || GetParam().sizes == Sizes::none) {
      EXPECT_FALSE(entry.size) << entry.name.str();
      continue;
    }
    if (truth == nullptr || truth->type != "file") continue;  // a broken link has its own length
    if (GetParam().sizes == Sizes::exact) {
      ASSERT_TRUE(entry.size) << entry.name.str();
    }
    if (entry.size) {
      EXPECT_EQ(*entry.size, truth->size) << entry.name.str();
    }
  }
}

TEST_P(RecordedPage, GivesTimesAsPrintedAndSaysHowGood) {
  std::size_t compared = 0;
  for (const ListedEntry& entry : listing_.entries) {
    if (GetParam().resolution_s == 0) {
      EXPECT_FALSE(entry.mtime) << entry.name.str();
    }
    const auto* truth = truth_of(entry);
    // nginx clamps times before 1970; the link's target was made during the recording.
    const bool odd = entry.name.str() == "mtime-1969.txt" ||
                     entry.name.str() == "mtime-epoch0.txt" ||
                     entry.name.str() == "symlink-outside";
    if (!entry.mtime || truth == nullptr || odd) continue;
    EXPECT_EQ(entry.mtime->resolution_s, GetParam().resolution_s);
    EXPECT_EQ(entry.mtime->zone_known, GetParam().zone_known);
    std::int64_t late_s =
        truth->mtime_ns / 1'000'000'000 + GetParam().shift_s - entry.mtime->unix_ns / 1'000'000'000;
    if (late_s < 0) late_s += 3600;  // summer
    EXPECT_GE(late_s, 0) << entry.name.str();
    EXPECT_LT(late_s, GetParam().resolution_s) << entry.name.str();
    ++compared;
  }
  if (GetParam().resolution_s != 0) {
    EXPECT_GT(compared, 80u);
  }
}

std::string test_name(const testing::TestParamInfo<Page>& info) {
  std::string out;
  bool upper = true;
  for (const char c : info.param.path.substr(0, info.param.path.rfind('.'))) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (letter) out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = !letter;
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Of, RecordedPage, testing::ValuesIn(pages()), test_name);

TEST(RecordedListings, OfEmptyDirectoriesAreEmpty) {
  int count = 0;
  for (const std::string& path : fixtures::all_pages()) {
    if (path.find("emptydir") == path.npos || path.starts_with("busybox")) continue;
    const auto listing = fixtures::parse(path);
    ASSERT_TRUE(listing) << path << ": " << listing.error().message;
    EXPECT_TRUE(listing->entries.empty()) << path;
    EXPECT_EQ(listing->refused, 0u) << path;
    ++count;
  }
  EXPECT_GT(count, 20);
}

TEST(RecordedListings, OfADirectoryWithABlankInItsNameHoldItsOneFile) {
  int count = 0;
  for (const std::string& path : fixtures::all_pages()) {
    if (path.find("dir_with_space") == path.npos || path.starts_with("busybox")) continue;
    const auto listing = fixtures::parse(path);
    ASSERT_TRUE(listing) << path << ": " << listing.error().message;
    ASSERT_EQ(listing->entries.size(), 1u) << path;
    EXPECT_EQ(listing->entries[0].name.str(), "inner.txt") << path;
    EXPECT_NE(listing->entries[0].kind, EntryKind::directory) << path;
    if (listing->entries[0].size) {
      EXPECT_EQ(*listing->entries[0].size, 6u) << path;
    }
    ++count;
  }
  EXPECT_GT(count, 20);
}

TEST(RecordedListings, KeepTheHrefThatTheServerWrote) {
  std::map<std::string, std::string> hrefs;
  const Listing apache = fixtures::parse("apache/plain-root.html").value();
  for (const auto& entry : apache.entries) hrefs[entry.name.str()] = entry.href;
  EXPECT_EQ(hrefs["a:b"], "a:b");
  EXPECT_EQ(hrefs["dir-\xC3\xA9"], "dir-%c3%a9");  // Apache's escapes are in lower case
}

}  // namespace
}  // namespace lazymirror
