// SPDX-License-Identifier: Apache-2.0
//
// Follows what changes at the origin while the tree is shown: populates the
// directory again, takes back marks that are not true any more, and traps of
// what is gone. A listing that was fetched ahead is placed.
//
// Threads: called on engine threads; all work is done on the pool.
#pragma once

#include "fanotify/background_populates.h"
#include "fanotify/marks.h"
#include "fanotify/trap_plan.h"

namespace lazymirror::fanotify {

class ChangeFollower final : public ChangeListener {
 public:
  ChangeFollower(const WorkerParts& parts, TrapPlan& traps, DirectoryMarks& directories,
                 BackgroundPopulates& changed, BackgroundPopulates& look_ahead)
      : parts_(parts),
        traps_(traps),
        directories_(directories),
        changed_(changed),
        look_ahead_(look_ahead) {}

  void entry_changed(EntryId directory, const std::string& name, EntryId id) override;
  void directory_changed(EntryId directory) override;
  // The next read is asked for once more, and has the file ignored then: so the
  // engine learns that what it fetched ahead is used.
  void file_completed(EntryId, const std::string&, EntryId) override {}
  void listed_ahead(EntryId directory) override;

 private:
  void follow(EntryId directory);
  void drop_traps(EntryId directory, const std::string& name, EntryId id);

  const WorkerParts& parts_;
  TrapPlan& traps_;
  DirectoryMarks& directories_;
  BackgroundPopulates& changed_;
  BackgroundPopulates& look_ahead_;
};

}  // namespace lazymirror::fanotify
