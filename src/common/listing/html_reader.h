// SPDX-License-Identifier: Apache-2.0
//
// HTML bytes -> RowBuilder, by libxml2's SAX interface: no tree, so memory does
// not grow with the page. No entity, DTD or file is ever loaded. One page, one
// thread; libxml2 itself may be used from many.
#pragma once

#include <string_view>

#include "base/result.h"
#include "listing/html_rows.h"

namespace lazymirror {

// The page is read as UTF-8 if `utf8`, else as ISO-8859-1, whatever it says of
// itself. Errc::bad_reply when libxml2 gives up or the page nests too deep.
[[nodiscard]] Result<> read_html(std::string_view page, bool utf8, RowBuilder& rows);

}  // namespace lazymirror
