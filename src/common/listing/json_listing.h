// SPDX-License-Identifier: Apache-2.0
//
// A JSON array of entries -> Listing: nginx (autoindex_format json) and Caddy
// (asked with "Accept: application/json").
#pragma once

#include "listing/listing.h"

namespace lazymirror {

// Errc::bad_reply for anything else, also for bytes that are not UTF-8: nginx
// copies names as they are, and one odd name spoils the whole page.
[[nodiscard]] Result<Listing> parse_json_listing(const ListingPage& page,
                                                 const ListingLimits& limits);

}  // namespace lazymirror
