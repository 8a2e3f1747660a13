// SPDX-License-Identifier: Apache-2.0
#include "listing/html_dialect.h"

#include <strings.h>

#include <array>

#include "listing/size_text.h"

namespace lazymirror {
namespace {

constexpr auto kDigitsExact = static_cast<std::uint8_t>(SizeForm::digits);
constexpr auto kBytesExact = static_cast<std::uint8_t>(SizeForm::bytes);
constexpr auto kUnitExact = static_cast<std::uint8_t>(SizeForm::unit_b);
constexpr auto kOrderExact = static_cast<std::uint8_t>(SizeForm::order);

struct Rule {
  PageSigns all;
  PageSigns none;
  Dialect dialect;
};

// The first rule that fits. nginx with "autoindex_localtime on" looks like nginx
// without it, and so does fancyindex; the default, UTC, is assumed.
constexpr std::array<Rule, 18> kRules{{
    {kSummaryTable, 0, {.server = "lighttpd", .marks_directories = true}},
    {kBrowseTable,
     0,
     {.server = "Caddy or rclone", .marks_directories = true, .exact_forms = kOrderExact}},
    {kIndexOf | kPre | kParentFirst,
     kSortColumns | kColumnTitles,
     {.server = "nginx",
      .marks_directories = true,
      .exact_forms = kDigitsExact,
      .all_or_none_exact = true,
      .utc = true}},
    {kDirectoryColon,
     0,
     {.server = "Jetty", .marks_directories = true, .exact_forms = kBytesExact}},
    {kIndexOf | kListId,
     0,
     {.server = "nginx fancyindex",
      .marks_directories = true,
      .exact_forms = kDigitsExact,
      .all_or_none_exact = true,
      .utc = true}},
    {kIndexOf | kSortShort,
     0,
     {.server = "WEBrick", .marks_directories = true, .exact_forms = kDigitsExact}},
    {kSortColumns, 0, {.server = "Apache", .marks_directories = true}},
    {kIndexOf | kColumnTitles, 0, {.server = "Apache without sorting", .marks_directories = true}},
    {kIndexOf | kList | kNamesIndented,
     0,
     {.server = "Apache without FancyIndexing", .marks_directories = true}},
    {kDirectoryListing | kList, 0, {.server = "Python http.server", .marks_directories = true}},
    {kDirectoryListing | kTable, 0, {.server = "Tomcat or Twisted", .marks_directories = true}},
    {kPathHeading | kPre,
     0,
     {.server = "darkhttpd", .marks_directories = true, .exact_forms = kDigitsExact}},
    {kListingColon | kPre,
     0,
     {.server = "webfs", .marks_directories = true, .exact_forms = kUnitExact}},
    {kIndexOf | kDisplayName, 0, {.server = "Node http-server", .marks_directories = true}},
    {kListingDirectory | kList,
     0,
     {.server = "Node serve-index", .sized_is_file = true, .exact_forms = kDigitsExact}},
    {kFilesWithin | kList, 0, {.server = "Node serve"}},
    {kBarePre, 0, {.server = "Go FileServer"}},
    // h2o, mini_httpd (whose size of a link is the link's own), aiohttp, others.
    {kIndexOf, 0, {.server = "unknown"}},
}};

bool begins(std::string_view text, std::string_view phrase) {
  return text.size() >= phrase.size() &&
         strncasecmp(text.data(), phrase.data(), phrase.size()) == 0;
}

}  // namespace

std::optional<Dialect> recognise(PageSigns signs) {
  // A listing without a container is none: every server writes it also for an
  // empty directory, and its end tag shows that the page is whole.
  if ((signs & (kPre | kTable | kList)) == 0) return std::nullopt;
  for (const Rule& rule : kRules) {
    if ((signs & rule.all) == rule.all && (signs & rule.none) == 0) return rule.dialect;
  }
  return std::nullopt;
}

PageSigns heading_sign(std::string_view text) {
  text = trimmed(text);
  // "Index of functions" is somebody's text; a path has a slash at one end.
  constexpr std::string_view kIndex = "Index of ";
  if (begins(text, kIndex)) {
    const std::string_view path = trimmed(text.substr(kIndex.size()));
    return path.starts_with('/') || path.ends_with('/') ? kIndexOf : 0u;
  }
  if (begins(text, "Directory listing for ")) return kDirectoryListing;
  if (begins(text, "Directory: /")) return kDirectoryColon;
  if (begins(text, "listing directory /")) return kListingDirectory;
  if (begins(text, "listing:")) return kListingColon;
  if (begins(text, "Files within ")) return kFilesWithin;
  return 0;
}

PageSigns sort_link_sign(std::string_view href) {
  // "?C=N;O=D", and "?C=N;O=D;F=1" when the reader chose a format.
  const bool columns = href.starts_with("?C=") && href.size() >= 8 && href.substr(5, 2) == "O=" &&
                       (href.size() == 8 || href[8] == ';' || href[8] == '&');
  if (columns) return kSortColumns;
  if (href.starts_with('?') && href.size() == 4 && href[2] == '=' &&
      (href[3] == 'A' || href[3] == 'D'))
    return kSortShort;
  return 0;
}

}  // namespace lazymirror
