// SPDX-License-Identifier: Apache-2.0
//
// Events on regular files: fills what is about to be read, then lets the
// reader go on.
//
// Which bytes: a read names its range; an offset of 0 with a count of 0 is a
// FICLONE and means all of the file. An open fills the whole of a file that is
// to be filled then (open_rule.h), its error being what a read would have got;
// of a larger one it reserves the blocks where there would be holes. Without
// ranges (FAN_ACCESS_PERM) the kernel tells nothing of a mapping and of the page
// faults in it, and who opens a file may map it: there every file is filled.
//
// A file is answered for only if the reader's inode is the current placeholder
// before the fill and after it: what was filled in between then went into it.
//
// Threads: safe from any thread; handle() looks at the disk.
#pragma once

#include <memory>
#include <optional>

#include "base/log_limit.h"
#include "fanotify/access_event.h"
#include "fanotify/reserved_files.h"
#include "fanotify/worker_parts.h"

namespace lazymirror::fanotify {

class FileAccesses {
 public:
  explicit FileAccesses(const WorkerParts& parts) : parts_(parts), reserved_(parts) {}

  void handle(AccessEventPtr event);

 private:
  [[nodiscard]] bool fills(const AccessEvent& event) const;
  void reserve(const AccessEvent& event, EntryId id);
  void fill(const AccessEventPtr& event, EntryId id);
  void finish(const AccessEvent& event, File& file, const Result<>& filled);
  void restore_mark(const AccessEvent& event);
  // Nothing when the object is not of this cache, or not current.
  [[nodiscard]] Result<std::optional<EntryId>> current_entry(const AccessEvent& event);
  [[nodiscard]] ByteRange wanted(const AccessEvent& event, std::uint64_t size) const;
  void refuse(const AccessEvent& event, EntryId id, const Error& error);
  void report(EntryId id, const Error& error);

  const WorkerParts& parts_;
  LogLimit failures_;
  ReservedFiles reserved_;
};

}  // namespace lazymirror::fanotify
