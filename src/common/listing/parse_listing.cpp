// SPDX-License-Identifier: Apache-2.0
#include <strings.h>

#include <algorithm>
#include <limits>
#include <string>

#include "listing/html_listing.h"
#include "listing/json_listing.h"
#include "listing/listing.h"
#include "listing/size_text.h"
#include "listing/xml_listing.h"

namespace lazymirror {
namespace {

using Reader = Result<Listing> (*)(const ListingPage&, const ListingLimits&);

// "Text/HTML; charset=x" -> "text/html".
std::string media_type(std::string_view content_type) {
  std::string out(trimmed(content_type.substr(0, content_type.find(';'))));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

// The type is what the server meant; without one the first byte must do.
Reader reader_for(const ListingPage& page) {
  const std::string type = media_type(page.content_type);
  if (type == "text/html" || type == "application/xhtml+xml") return parse_html_listing;
  if (type == "application/json" || type == "text/json") return parse_json_listing;
  if (type == "application/xml" || type == "text/xml") return parse_xml_listing;
  if (!type.empty()) return nullptr;
  const std::string_view body = trimmed(page.body.substr(0, 4096));
  if (body.starts_with("<?xml")) return parse_xml_listing;
  if (body.starts_with('<')) return parse_html_listing;
  return body.starts_with('[') ? parse_json_listing : nullptr;
}

}  // namespace

Result<Listing> parse_listing(const ListingPage& page, const ListingLimits& limits) {
  if (!page.base.path().ends_with('/')) {
    return fail(Errc::bad_reply, "the listing's address '" + page.base.str() + "' lacks the '/'");
  }
  if (page.body.empty()) return fail(Errc::bad_reply, "the listing is empty");
  // libxml2 counts in int.
  const auto most = std::min<std::size_t>(limits.max_bytes, std::numeric_limits<int>::max());
  if (page.body.size() > most) {
    return fail(Errc::bad_reply, "the listing is larger than " + std::to_string(most) + " bytes");
  }
  const Reader reader = reader_for(page);
  if (reader == nullptr) {
    return fail(Errc::bad_reply, "'" + media_type(page.content_type) + "' is not a listing");
  }
  return reader(page, limits);
}

}  // namespace lazymirror
