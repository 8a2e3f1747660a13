// SPDX-License-Identifier: Apache-2.0
//
// The files in use: one object per file and generation, so that all who read it
// share its transfers and its read-ahead. The last ones used are kept while
// nobody holds them, because some front ends open a file for each read.
//
// Threads: safe from any thread.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "engine/mirror_file.h"

namespace lazymirror {

class OpenFiles {
 public:
  using FilePtr = std::shared_ptr<MirrorFile>;
  using Token = std::uint64_t;

  explicit OpenFiles(std::size_t keep) : keep_(keep) {}

  [[nodiscard]] FilePtr find(EntryId id);
  // The same, which counts as no use.
  [[nodiscard]] FilePtr peek(EntryId id);
  // To be called before the catalog is asked for the current generation, so
  // that add() does not keep one which has been overtaken.
  [[nodiscard]] Token begin();
  // The object to use: `file`, or the one that another thread has just added.
  [[nodiscard]] FilePtr add(FilePtr file, Token token);
  // There is another generation now: who opens the file anew gets another object.
  void drop(EntryId id);
  // The same, unless anybody but `holders` holds or fills it: then false.
  [[nodiscard]] bool drop_idle(EntryId id, long holders = 0);
  void clear();

 private:
  struct Slot {
    std::weak_ptr<MirrorFile> file;
    FilePtr kept;  // while it is among the last ones used
    std::list<EntryId>::iterator place;
  };

  FilePtr forget(EntryId id);
  FilePtr use(EntryId id, Slot& slot, FilePtr file, FilePtr& released);
  void sweep();

  const std::size_t keep_;
  std::mutex mutex_;
  std::unordered_map<EntryId, Slot> slots_;
  std::list<EntryId> recent_;  // of those that are kept; most recently used first
  std::size_t sweep_at_ = 1'024;
  Token drops_ = 1;
};

}  // namespace lazymirror
