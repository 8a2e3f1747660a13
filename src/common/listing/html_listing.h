// SPDX-License-Identifier: Apache-2.0
//
// An HTML page -> Listing.
#pragma once

#include "listing/listing.h"

namespace lazymirror {

[[nodiscard]] Result<Listing> parse_html_listing(const ListingPage& page,
                                                 const ListingLimits& limits);

}  // namespace lazymirror
