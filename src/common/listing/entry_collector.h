// SPDX-License-Identifier: Apache-2.0
//
// Entries on their way into a Listing: names are judged, duplicates dropped and
// limits kept here, whatever the format. Not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "listing/listing.h"

namespace lazymirror {

class EntryCollector {
 public:
  explicit EntryCollector(std::size_t max_entries);
  EntryCollector(const EntryCollector&) = delete;
  EntryCollector& operator=(const EntryCollector&) = delete;

  // Adds the entry with the percent-encoded name `segment` and returns its
  // index; nullopt when its name is refused (counted), when it is known
  // already, or when there are too many. A directory replaces a file.
  std::optional<std::size_t> add(std::string segment, EntryKind kind,
                                 std::optional<std::uint64_t> size,
                                 std::optional<ListedTime> mtime);
  void count_refused() { ++listing_.refused; }

  [[nodiscard]] bool overflown() const { return overflown_; }
  [[nodiscard]] Listing& listing() { return listing_; }

 private:
  struct Hash {
    const Listing* listing;
    std::size_t operator()(std::uint32_t index) const;
  };
  struct Equal {
    const Listing* listing;
    bool operator()(std::uint32_t a, std::uint32_t b) const;
  };

  std::size_t max_entries_;
  bool overflown_ = false;
  Listing listing_;
  std::unordered_set<std::uint32_t, Hash, Equal> names_;  // of indexes: holds no second copy
};

}  // namespace lazymirror
