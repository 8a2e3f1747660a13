// SPDX-License-Identifier: Apache-2.0
#include "engine/pins.h"

#include <algorithm>

#include "base/log.h"

namespace lazymirror {

Pins::Pins(Cache& cache) : cache_(cache) {
  const auto known = cache_.catalog().pins();
  if (!known) {
    log::error("engine: what is pinned cannot be read: {}", known.error().message);
    return;
  }
  pinned_.with([&](auto& ids) { ids.insert(known->begin(), known->end()); });
}

Result<> Pins::pin(EntryId id) {
  // At hand first: from now on it is not evicted.
  pinned_.with([&](auto& ids) { ids.insert(id); });
  auto pinned = cache_.pin(id);
  if (!pinned) pinned_.with([&](auto& ids) { ids.erase(id); });
  return pinned;
}

Result<> Pins::unpin(EntryId id) {
  if (auto r = cache_.unpin(id); !r) return r;
  pinned_.with([&](auto& ids) { ids.erase(id); });
  return {};
}

std::uint64_t Pins::bytes_outside(std::span<const EntryId> roots) const {
  const std::unordered_set<EntryId> without(roots.begin(), roots.end());
  if (without.contains(kRootId)) return 0;
  std::unordered_set<EntryId> outside;
  for (const EntryId id : pinned_.with([](const auto& ids) { return ids; })) {
    const auto lineage = cache_.catalog().lineage(id);
    if (!lineage) continue;
    const bool below = std::ranges::any_of(
        *lineage, [&](const Entry& entry) { return without.contains(entry.id); });
    if (!below) outside.insert(id);
  }
  return bytes_of(outside, without);
}

// What is in a directory is counted with it, once, whoever pins it.
std::uint64_t Pins::bytes_of(const std::unordered_set<EntryId>& pinned,
                             const std::unordered_set<EntryId>& without) const {
  std::uint64_t sum = 0;
  std::unordered_set<EntryId> counted;
  std::vector<EntryId> directories(pinned.begin(), pinned.end());
  while (!directories.empty()) {
    const EntryId next = directories.back();
    directories.pop_back();
    const auto entry = cache_.catalog().get(next);
    if (!entry || entry->kind != EntryKind::directory || without.contains(next)) continue;
    if (!counted.insert(next).second) continue;
    const auto totals = cache_.catalog().file_totals(next);
    if (totals) sum += totals->cached_bytes;
    add_directories(next, directories);
  }
  const auto lies_in_one = [&](EntryId id) {
    const auto entry = cache_.catalog().get(id);
    return entry && counted.contains(entry->parent);
  };
  for (const EntryId id : pinned) sum += lies_in_one(id) ? 0 : bytes_of_file(id);
  for (const EntryId id : without) sum -= lies_in_one(id) ? std::min(sum, bytes_of_file(id)) : 0;
  return sum;
}

// Of a directory: nothing.
std::uint64_t Pins::bytes_of_file(EntryId id) const {
  const auto file = cache_.file(id);
  return file ? (*file)->present_bytes() : 0;
}

void Pins::add_directories(EntryId directory, std::vector<EntryId>& out) const {
  constexpr std::size_t kPage = 256;
  for (EntryId after = 0;;) {
    const auto page = cache_.catalog().directories_after(directory, after, kPage);
    if (!page || page->empty()) return;
    out.insert(out.end(), page->begin(), page->end());
    after = page->back();
    if (page->size() < kPage) return;
  }
}

// What cannot be looked up is kept.
bool Pins::cover(EntryId id) const {
  if (!any()) return false;
  if (has(kRootId)) return true;
  const auto lineage = cache_.catalog().lineage(id);
  if (!lineage) return lineage.error().code != Errc::not_found;
  return std::any_of(lineage->begin(), lineage->end(),
                     [&](const Entry& entry) { return has(entry.id); });
}

}  // namespace lazymirror
