// SPDX-License-Identifier: Apache-2.0
//
// What the catalog knows of a name in the tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/listed_entry.h"
#include "base/version.h"

namespace lazymirror {

// A catalog row; also the inode number that users see. Never reused; the same
// across restarts and refreshes as long as the name keeps its kind.
using EntryId = std::uint64_t;
inline constexpr EntryId kRootId = 1;

struct Entry {
  EntryId id = 0;
  EntryId parent = 0;  // of the root: the root
  std::string name;    // empty for the root
  std::string href;    // its percent-encoded form, as the origin published it
  EntryKind kind = EntryKind::unknown;

  // Counts the versions of the file: another generation, other bytes.
  std::uint64_t generation = 1;
  std::optional<std::uint64_t> size;     // of a file; nothing while unknown, never 0 for that
  std::optional<std::int64_t> mtime_ns;  // shown; fixed within a generation once known
  std::int64_t ctime_ns = 0;             // when this generation entered the catalog
  std::int64_t checked_ns = 0;           // wall time of the last probe; 0 if never
  bool listing_is_exact = false;         // size came from the listing: no probe needed
};

struct DirectoryState {
  bool listed = false;
  std::int64_t listed_ns = 0;       // wall time of the last good listing
  std::int64_t asked_ns = 0;        // wall time when the origin was last asked for it
  std::int64_t fresh_until_ns = 0;  // wall time
  std::int64_t mtime_ns = 0;        // moves when a refresh changed anything
  ListingValidator validator{};     // of the listing; empty if the origin gave none
};

// What a new listing changed in a directory.
struct ListingDiff {
  struct Item {
    EntryId id;
    std::string name;
    EntryKind kind;
  };
  std::vector<Item> added, removed, changed;  // changed: a new generation
  bool first = false;                         // the directory had never been listed
  [[nodiscard]] bool any() const { return !added.empty() || !removed.empty() || !changed.empty(); }
};

}  // namespace lazymirror
