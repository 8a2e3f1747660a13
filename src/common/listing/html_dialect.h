// SPDX-License-Identifier: Apache-2.0
//
// Which server program wrote a page, told by its markup, and what follows from
// that. Sources: the recorded pages in tests/fixtures/listings.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lazymirror {

// What was seen anywhere in a page.
enum PageSign : std::uint32_t {
  kIndexOf = 1u << 0,           // heading "Index of ..."
  kDirectoryListing = 1u << 1,  // heading "Directory listing for ..."
  kDirectoryColon = 1u << 2,    // heading "Directory: ..."
  kListingColon = 1u << 3,      // heading "listing: ..."
  kListingDirectory = 1u << 4,  // heading "listing directory ..."
  kFilesWithin = 1u << 5,       // heading "Files within ..."
  kPathHeading = 1u << 6,       // title and heading are the same path, "/.../"
  kSummaryTable = 1u << 7,      // <table summary="Directory Listing">
  kBrowseTable = 1u << 8,       // <table aria-describedby="summary">
  kPre = 1u << 9,
  kTable = 1u << 10,
  kList = 1u << 11,           // <ul>
  kParentFirst = 1u << 12,    // the first link within <pre> is exactly "../"
  kSortColumns = 1u << 13,    // links "?C=N;O=D" or "?C=N&O=D"
  kSortShort = 1u << 14,      // links "?N=D"
  kColumnTitles = 1u << 15,   // a row without links that holds "Last modified"
  kListId = 1u << 16,         // <table id="list">
  kDisplayName = 1u << 17,    // <td class="display-name">
  kNamesIndented = 1u << 18,  // the text of every link to a child begins with a blank
  kBarePre = 1u << 19,        // nothing in the page but one <pre> with links
};
using PageSigns = std::uint32_t;

// What may be believed of a page.
struct Dialect {
  std::string_view server;
  // Every directory, also behind a symbolic link, is written with a final '/';
  // so a name without one is a file. Otherwise it is of unknown kind.
  bool marks_directories = false;
  bool sized_is_file = false;    // a name with a size is a file (directories get none)
  std::uint8_t exact_forms = 0;  // the SizeForms that are exact, as bits
  // One rounded size shows that the server rounds all of them. It does so from
  // some size on, and below it nothing tells.
  bool all_or_none_exact = false;
  bool utc = false;  // dates without a zone are UTC
};

// The dialect of a page with these signs; nullopt: not a listing we know.
[[nodiscard]] std::optional<Dialect> recognise(PageSigns signs);

// The sign that a title or heading of this text is, or 0.
[[nodiscard]] PageSigns heading_sign(std::string_view text);

// The sign that a link is by its target alone, or 0.
[[nodiscard]] PageSigns sort_link_sign(std::string_view href);

}  // namespace lazymirror
