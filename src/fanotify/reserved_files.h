// SPDX-License-Identifier: Apache-2.0
//
// Files that have their blocks reserved while somebody has them open (ext4).
//
// Nothing tells of the last close. So each is tried again, at growing intervals,
// until the cache finds that nobody has it open; also those that an earlier
// run has left.
//
// Threads: safe from any thread; reserve() looks at the disk.
#pragma once

#include <unordered_set>

#include "base/guarded.h"
#include "fanotify/worker_parts.h"

namespace lazymirror::fanotify {

class ReservedFiles {
 public:
  static constexpr Duration kLongest{60'000};

  explicit ReservedFiles(const WorkerParts& parts);

  // For somebody who is opening it. Errc::no_space, also after all that nobody
  // has open any more was given back.
  Result<> reserve(EntryId id);

 private:
  void release_others(EntryId id);
  void look_after(EntryId id, Duration delay);
  void try_release(EntryId id, Duration delay);

  const WorkerParts& parts_;
  Guarded<std::unordered_set<EntryId>> looked_after_;
};

}  // namespace lazymirror::fanotify
