// SPDX-License-Identifier: Apache-2.0
//
// nginx's autoindex_format xml -> Listing: <list> of <file> and <directory>.
#pragma once

#include "listing/listing.h"

namespace lazymirror {

// Errc::bad_reply for any other document and for one that is not well-formed:
// nginx copies names as they are, and one control byte spoils the whole page.
[[nodiscard]] Result<Listing> parse_xml_listing(const ListingPage& page,
                                                const ListingLimits& limits);

}  // namespace lazymirror
