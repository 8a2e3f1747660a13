// SPDX-License-Identifier: Apache-2.0
//
// Makes a directory of the data tree agree with the catalog: see Cache::place()
// and placement.h.
//
// Threads: safe from any thread; runs over one directory follow each other.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "cache/catalog.h"
#include "cache/data_file.h"
#include "cache/placement.h"

namespace lazymirror {

// The file objects of the cache, as the placer needs them.
class LiveFiles {
 public:
  virtual ~LiveFiles() = default;
  [[nodiscard]] virtual std::shared_ptr<DataFile> find(EntryId id) = 0;  // null: not in use
  [[nodiscard]] virtual Result<std::shared_ptr<DataFile>> get(EntryId id) = 0;
};

class Placer {
 public:
  // REQUIRES: the context is in place. Both must outlive this.
  Placer(FileContext& context, LiveFiles& files) : context_(context), files_(files) {}

  Result<Placement> place(EntryId directory);

  // Keeps runs over that directory away while it lives.
  class Hold {
   public:
    Hold(Placer& placer, EntryId directory);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Placer& placer_;
    const EntryId directory_;
  };

 private:
  FileContext& context_;
  LiveFiles& files_;
  std::mutex mutex_;  // leaf: guards `held_`
  std::condition_variable released_;
  std::unordered_set<EntryId> held_;
};

}  // namespace lazymirror
