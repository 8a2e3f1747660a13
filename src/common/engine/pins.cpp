// SPDX-License-Identifier: Apache-2.0
#include "engine/pins.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace lazymirror {

Pins::Pins(Cache& cache) : cache_(cache) {
  const auto known = cache_.catalog().pins();
  if (!known) {
    spdlog::error("engine: what is pinned cannot be read: {}", known.error().message);
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
