// SPDX-License-Identifier: Apache-2.0
//
// What the catalog holds of a name that is listed again, and what its new line in
// the listing says of it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cache/catalog.h"

namespace lazymirror {

// When a file was asked about last, of one that is to be asked about again.
inline constexpr std::int64_t kLongAgo = 1;

struct Known {
  EntryId id = 0;
  EntryKind kind = EntryKind::unknown;
  std::optional<std::int64_t> size, mtime_ns, last_modified, listed_size;
  std::optional<ListedTime> listed_time;
  std::optional<std::string> href;
  bool exact = false;
  bool has_etag = false;
  bool is_due = false;  // to be asked about

  [[nodiscard]] bool has_validator() const { return has_etag || last_modified; }
  friend bool operator==(const Known&, const Known&) = default;
};

// A size that is listed is stored as it is; nothing where there is none.
using ListedSize = std::optional<std::int64_t>;

[[nodiscard]] bool is_resized(const Known& known, const ListedSize& size);
[[nodiscard]] bool is_new_version(const Known& known, const ListedSize& size,
                                  const std::optional<ListedTime>& time);

// Whether a listing in a zone that nobody knows may say only now what a probe had
// said before: the file's validator decides.
[[nodiscard]] bool may_catch_up(const Known& known, const ListedSize& size,
                                const std::optional<ListedTime>& time);

// How far the listed time of a file has moved; nothing when that says nothing.
[[nodiscard]] std::optional<std::int64_t> moved_by(const Known& known,
                                                   const std::optional<ListedTime>& time);
// Zones differ by quarters of an hour, and by 26 hours at most.
[[nodiscard]] bool can_be_of_zones(std::int64_t moved_ns);

}  // namespace lazymirror
