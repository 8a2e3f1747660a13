// SPDX-License-Identifier: Apache-2.0
//
// The file objects that are in use, and the most recently used ones beyond
// that: one object per current generation. Objects of old generations leave
// the table and belong to their holders alone.
//
// Threads: safe from any thread; its lock is a leaf. Objects are destroyed
// outside of it.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "cache/data_file.h"

namespace lazymirror {

class FileTable {
 public:
  explicit FileTable(std::size_t kept) : kept_(kept) {}

  [[nodiscard]] std::shared_ptr<DataFile> find(EntryId id);

  // The object to use: `file`, or one that was inserted meanwhile. Whoever
  // inserts looks afterwards whether the generation is still current.
  [[nodiscard]] std::shared_ptr<DataFile> insert(std::shared_ptr<DataFile> file);

  void retire(EntryId id);
  void retire_below(const TreePath& directory);
  void drop_idle();  // keeps only what others hold

 private:
  using Strong = std::list<std::shared_ptr<DataFile>>;
  struct Slot {
    std::weak_ptr<DataFile> file;
    Strong::iterator recent;  // recent_.end() when no longer among them
  };
  std::shared_ptr<DataFile> touch(Slot& slot, std::shared_ptr<DataFile> file, Strong& dropped);
  void sweep();
  void retire_if(const std::function<bool(const DataFile&)>& doomed);

  const std::size_t kept_;
  mutable std::mutex mutex_;  // leaf: guards all below
  Strong recent_;             // most recent first
  std::unordered_map<EntryId, Slot> slots_;
  std::size_t sweep_at_ = 1024;
};

}  // namespace lazymirror
