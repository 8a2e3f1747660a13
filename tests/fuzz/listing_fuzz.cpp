// SPDX-License-Identifier: Apache-2.0
//
// Any bytes, read as each kind of listing: no crash, and no entry but those
// that may be created in a directory and asked for below it.
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "expect.h"
#include "listing/listing.h"

namespace lazymirror {
namespace {

void check_entry(const ListedEntry& entry, const Url& base) {
  const std::string& name = entry.name.str();
  LM_FUZZ_EXPECT(EntryName::make(name).has_value());
  LM_FUZZ_EXPECT(decode_segment(entry.href) == name);
  const auto child = base.child(entry.href, entry.kind == EntryKind::directory);
  LM_FUZZ_EXPECT(child.has_value());
  LM_FUZZ_EXPECT(base.child_segment(*child) == entry.href);
  if (entry.kind == EntryKind::directory) LM_FUZZ_EXPECT(!entry.size);
  if (entry.size) LM_FUZZ_EXPECT(*entry.size <= INT64_MAX);
}

void check(std::string_view body, std::string_view type, const Url& base) {
  constexpr ListingLimits kLimits{.max_bytes = 1 << 20, .max_entries = 1000};
  const auto listing = parse_listing({body, type, base}, kLimits);
  if (!listing) {
    LM_FUZZ_EXPECT(listing.error().code == Errc::bad_reply);
    return;
  }
  LM_FUZZ_EXPECT(listing->entries.size() <= kLimits.max_entries);
  std::set<std::string_view> names;
  for (const ListedEntry& entry : listing->entries) {
    check_entry(entry, base);
    LM_FUZZ_EXPECT(names.insert(entry.name.str()).second);
  }
}

}  // namespace
}  // namespace lazymirror

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lazymirror;
  static const Url root = Url::parse("http://127.0.0.1:81/").value();
  static const Url below = Url::parse("http://127.0.0.1:81/dir%20with%20space/").value();
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const std::string_view type : {"text/html", "application/json", "text/xml", ""}) {
    check(body, type, root);
    check(body, type, below);
  }
  return 0;
}
