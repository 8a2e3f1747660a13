// SPDX-License-Identifier: Apache-2.0
#include "fanotify/evictor.h"

#include "fanotify/marks.h"

namespace lazymirror::fanotify {

Result<> Evictor::evict(const std::string& path) {
  const auto id = engine_.find(path);
  if (!id) return fail(id.error());
  return evict(*id);
}

// The cache has the marks put right (PlacementGuards) before it takes a lease.
Result<> Evictor::evict(EntryId id) {
  Result<> evicted = engine_.storage().evict(id);
  if (!evicted) mark_complete(*engine_.in_place(), group_, inode_guards_, id);
  return evicted;
}

}  // namespace lazymirror::fanotify
