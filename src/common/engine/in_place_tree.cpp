// SPDX-License-Identifier: Apache-2.0
#include "engine/in_place_tree.h"

#include <algorithm>
#include <string_view>

namespace lazymirror {

Result<EntryId> InPlaceTree::find(const std::string& path) {
  EntryId at = kRootId;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('/'), rest.size());
    const auto found = cache_.catalog().find(at, rest.substr(0, end));
    if (!found) return fail(found.error());
    if (!*found) return fail(Errc::not_found, "nothing is known of " + path);
    at = (*found)->id;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return at;
}

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

}  // namespace lazymirror
