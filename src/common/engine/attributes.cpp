// SPDX-License-Identifier: Apache-2.0
#include "engine/attributes.h"

#include <algorithm>

namespace lazymirror {

void Describer::first_listed(EntryId directory) {
  known_.with([&](Known& known) { known.new_directories.insert(directory); });
}

void Describer::fetched(EntryId file) {
  known_.with([&](Known& known) { known.fetched_files.insert(file); });
}

bool Describer::was_fetched(EntryId file) const {
  return known_.with([&](const Known& known) { return known.fetched_files.contains(file); });
}

bool Describer::is_complete(const Entry& entry) const {
  const bool possible = known_.with([&](const Known& known) {
    return !known.new_directories.contains(entry.parent) || known.fetched_files.contains(entry.id);
  });
  if (!possible) return false;
  const auto file = cache_.file(entry.id);
  return file && (*file)->generation() == entry.generation && (*file)->is_complete();
}

// REQUIRES: is_resolved(entry).
Attributes Describer::describe(const Entry& entry, bool complete) const {
  Attributes a;
  a.id = entry.id;
  a.generation = entry.generation;
  a.kind = entry.kind;
  a.ctime_ns = entry.ctime_ns;
  a.mtime_ns = cache_.catalog().shown_mtime_ns(entry).value_or(entry.ctime_ns);
  if (entry.kind == EntryKind::file) {
    a.size = *entry.size;
    a.complete = complete;
  }
  return a;
}

std::optional<Attributes> Describer::attributes(const Entry& entry) const {
  if (!is_resolved(entry)) return std::nullopt;
  return describe(entry, entry.kind == EntryKind::file && is_complete(entry));
}

DirectoryView::Item Describer::item(const Entry& entry) const {
  return {entry.name, entry.kind, entry.id, attributes(entry)};
}

std::vector<DirectoryView::Item> Describer::items(EntryId directory,
                                                  std::span<const Entry> children) const {
  const auto complete = cache_.catalog().complete_children(directory);
  std::vector<DirectoryView::Item> items;
  items.reserve(children.size());
  for (const Entry& child : children) {
    items.push_back({child.name, child.kind, child.id, std::nullopt});
    if (!is_resolved(child)) continue;
    const bool stored =
        complete && std::binary_search(complete->begin(), complete->end(), child.id);
    // What was fetched just now may not be in the catalog yet.
    items.back().attributes =
        describe(child, stored || (was_fetched(child.id) && is_complete(child)));
  }
  return items;
}

}  // namespace lazymirror
