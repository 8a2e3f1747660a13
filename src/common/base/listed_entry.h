// SPDX-License-Identifier: Apache-2.0
//
// One line of a listing, as far as the origin published it. Made by the
// listing room, kept by the cache room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/entry_name.h"

namespace lazymirror {

enum class EntryKind : std::uint8_t {
  file = 0,
  directory = 1,
  unknown = 2,  // some servers mark directories in no way; resolved by asking
};

// A time as a listing shows it: rounded down to `resolution_s` seconds, and
// usable only where the zone is known to be UTC (Apache and others print local
// time without saying which).
struct ListedTime {
  std::int64_t unix_ns = 0;
  std::int32_t resolution_s = 1;  // 1, 60 (minute) or 86400 (day)
  bool zone_known = false;
  friend bool operator==(const ListedTime&, const ListedTime&) = default;
};

struct ListedEntry {
  EntryName name;
  std::string
      href;  // the name percent-encoded as the server wrote it, without '/': what to ask for
  EntryKind kind = EntryKind::unknown;
  std::optional<std::uint64_t> size;  // bytes; only when the listing is exact
  std::optional<ListedTime> mtime;
};

// What marked a listing as an answer, as sent. Weak tags will do: whether a listing
// has changed is a matter of its meaning, not of its bytes.
struct ListingValidator {
  std::string etag, last_modified;
  [[nodiscard]] bool any() const { return !etag.empty() || !last_modified.empty(); }
  friend bool operator==(const ListingValidator&, const ListingValidator&) = default;
};

}  // namespace lazymirror
