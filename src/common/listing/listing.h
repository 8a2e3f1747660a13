// SPDX-License-Identifier: Apache-2.0
//
// Bytes of a listing -> entries. No network, no disk, no state: every function
// is pure and may be called from any thread. Input is hostile until proven
// otherwise; what cannot be read as a listing is refused as a whole
// (Errc::bad_reply), so that a failed parse never replaces a good listing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/listed_entry.h"
#include "base/result.h"
#include "base/url.h"

namespace lazymirror {

struct ListingLimits {
  std::size_t max_bytes = 64u << 20;
  std::size_t max_entries = 1'000'000;
};

struct Listing {
  // In the order published; names unique. Where a file and a directory of one
  // name are listed the directory wins (it can be walked, a file cannot).
  std::vector<ListedEntry> entries;
  std::size_t refused = 0;  // links below this directory whose name we refuse
};

// A reply to "list this directory".
struct ListingPage {
  std::string_view body;
  std::string_view content_type;  // as sent; a hint only
  const Url& base;                // the URL after redirects; its path ends in '/'
};

// Errc::bad_reply when the page is not a listing (an index.html, an error page,
// a truncated or over-deep document, too many entries).
[[nodiscard]] Result<Listing> parse_listing(const ListingPage& page,
                                            const ListingLimits& limits = {});

}  // namespace lazymirror
