// SPDX-License-Identifier: Apache-2.0
#include "listing/entry_collector.h"

#include <functional>
#include <utility>

#include "base/crew.h"
#include "base/url.h"

namespace lazymirror {

EntryCollector::EntryCollector(std::size_t max_entries)
    : max_entries_(max_entries), names_(0, Hash{&listing_}, Equal{&listing_}) {}

std::size_t EntryCollector::Hash::operator()(std::uint32_t index) const {
  return std::hash<std::string>()(listing->entries[index].name.str());
}

bool EntryCollector::Equal::operator()(std::uint32_t a, std::uint32_t b) const {
  return listing->entries[a].name == listing->entries[b].name;
}

std::optional<std::size_t> EntryCollector::add(std::string segment, EntryKind kind,
                                               std::optional<std::uint64_t> size,
                                               std::optional<ListedTime> mtime) {
  note_progress();
  auto& entries = listing_.entries;
  // Only an escape can decode to something else.
  const bool escaped = segment.find('%') != segment.npos;
  auto decoded = escaped ? decode_segment(segment) : Result<std::string>(segment);
  auto name = decoded ? EntryName::make(*decoded) : Result<EntryName>(fail(decoded.error()));
  if (!name) {
    count_refused();
    return std::nullopt;
  }
  if (kind == EntryKind::directory) size.reset();
  entries.push_back({std::move(*name), std::move(segment), kind, size, mtime});
  const std::size_t index = entries.size() - 1;
  const auto [known, added] = names_.insert(static_cast<std::uint32_t>(index));
  if (added && entries.size() <= max_entries_) return index;
  ListedEntry last = std::move(entries.back());
  if (added) {
    overflown_ = true;
    names_.erase(known);
    entries.pop_back();
    return std::nullopt;
  }
  entries.pop_back();
  ListedEntry& first = entries[*known];
  const bool replaces = kind == EntryKind::directory && first.kind != EntryKind::directory;
  if (!replaces) return std::nullopt;
  first = std::move(last);
  return *known;
}

}  // namespace lazymirror
