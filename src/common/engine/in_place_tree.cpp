// SPDX-License-Identifier: Apache-2.0
#include "engine/in_place_tree.h"

namespace lazymirror {

void InPlaceTree::if_complete(EntryId id, UniqueFunction<void()> mark) {
  const bool held = held_.with([&](auto& files) {
    int& count = files[id];
    if (count != kEvicting) ++count;
    return count != kEvicting;
  });
  if (!held) return;
  const auto file = files_.open(id);
  if (file && (*file)->is_complete()) mark();
  held_.with([&](auto& files) {
    if (--files[id] == 0) files.erase(id);
  });
}

// The lease that the cache takes proves that no reader has the file; that
// nobody fills it, only the engine knows.
Result<> InPlaceTree::evict(EntryId id) {
  const bool alone =
      held_.with([&](auto& files) { return files.try_emplace(id, kEvicting).second; });
  if (!alone) return fail(Errc::busy, "the file is in use");
  Result<> evicted = open_files_.drop_idle(id)
                         ? cache_.evict(id, populator_.observer())
                         : fail(Errc::busy, "the file is being read or filled");
  held_.with([&](auto& files) { files.erase(id); });
  return evicted;
}

// Nobody takes the file for complete meanwhile: the guard that is set would be
// taken away again.
Result<> InPlaceTree::forget(CachedFile& file, std::span<const ByteRange> ranges) {
  const EntryId id = file.id();
  const bool alone =
      held_.with([&](auto& files) { return files.try_emplace(id, kEvicting).second; });
  if (!alone) return fail(Errc::busy, "the file is in use");
  Result<> forgotten = file.forget(ranges);
  held_.with([&](auto& files) { files.erase(id); });
  return forgotten;
}

}  // namespace lazymirror
