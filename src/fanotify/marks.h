// SPDX-License-Identifier: Apache-2.0
//
// Which events the kernel shall ask for: guards on what is not there yet,
// ignore marks on what is complete or fresh. A mark that is missing costs time
// only, one too many would show bytes that are not there.
//
// Threads: safe from any thread; calls look at the disk. Errors are logged: the
// guards of a new name alone are reported, to who places it.
#pragma once

#include <memory>
#include <unordered_map>

#include "base/guarded.h"
#include "fanotify/event_pauses.h"
#include "fanotify/open_holds.h"
#include "fanotify/worker_parts.h"

namespace lazymirror::fanotify {

// Puts guards on names before they are linked into the tree. Outlives the
// worker's parts: the engine may be placing when they go.
class PlacementGuards final : public PlacementObserver {
 public:
  // `pauses`: where opens are asked for, else null; `holds`: else, or null.
  PlacementGuards(Group& group, bool files, std::shared_ptr<EventPauses> pauses,
                  std::shared_ptr<OpenHolds> holds)
      : group_(group), files_(files), pauses_(std::move(pauses)), holds_(std::move(holds)) {}

  Result<> before_file(int fd) override;
  Result<> before_directory(int fd) override;
  [[nodiscard]] std::shared_ptr<void> before_lease(int fd) override;

 private:
  Group& group_;
  const bool files_;
  const std::shared_ptr<EventPauses> pauses_;
  const std::shared_ptr<OpenHolds> holds_;
};

// Every byte of the file is there: no more events. Does nothing when it turns
// out that they are not. `fd` is the current inode of the file or an older one.
void mark_complete(InPlace& tree, Group& group, bool inode_guards, int fd, EntryId id);
// The same for a file that nobody has opened for us.
void mark_complete(InPlace& tree, Group& group, bool inode_guards, EntryId id);

class DirectoryMarks {
 public:
  explicit DirectoryMarks(const WorkerParts& parts) : parts_(parts) {}

  // Populated, and its listing fresh: no more events until it is not.
  void set_fresh(int fd, EntryId id);
  // The next opendir(3) shall ask.
  void set_stale(EntryId id);

 private:
  void arm(EntryId id, Duration fresh_for);
  TimerId disarm(EntryId id);

  const WorkerParts& parts_;
  Guarded<std::unordered_map<EntryId, TimerId>> expiries_;
};

}  // namespace lazymirror::fanotify
