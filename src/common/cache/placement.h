// SPDX-License-Identifier: Apache-2.0
//
// In place: the data tree is what users see. Every name of a listed directory
// stands in it before any byte of it is there: files as placeholders of the
// right size and time, directories unpopulated.
//
// A placeholder is reflinked from a template of poison where the file system
// can (XFS, btrfs): it has no holes that a tool could skip, and shows at sight
// that it is no data. Elsewhere (ext4) it is sparse.
//
// A name is *placed* when the data tree shows it as the catalog knows it; a
// directory is placed when all its names are. That is recorded in the catalog
// and ends whenever the listing changes, a run writes the cache that is not in
// place, or the system went down: the directory is then looked at again when
// it is first used, never by a scan at the start.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/entry.h"

namespace lazymirror {

// What has to be in force before a name can be opened. Called on the thread
// that makes the name, which may hold locks of the cache; must be quick (but for
// before_lease()), and must not call the cache.
class PlacementObserver {
 public:
  virtual ~PlacementObserver() = default;
  // A new placeholder, or a file of an earlier run that is not complete. Not
  // linked into the tree yet when it is new.
  virtual Result<> before_file(int fd) = 0;
  // A directory that is not placed. Not linked yet when it is new.
  virtual Result<> before_directory(int fd) = 0;
  // A write lease is about to be taken on the file of `fd`, and given up before
  // what is returned goes. May wait.
  [[nodiscard]] virtual std::shared_ptr<void> before_lease(int /*fd*/) { return nullptr; }
};
using ObserverPtr = std::shared_ptr<PlacementObserver>;

// What a directory holds after it was placed.
struct Placement {
  struct Directory {
    EntryId id = 0;
    std::string name;
    bool placed = false;  // all of its own names stand
  };
  EntryId id = 0;
  std::vector<Directory> directories;
  std::vector<EntryId> unsized;  // files whose size is not known: not placed, the name is absent
  std::size_t made = 0, replaced = 0, removed = 0, kept = 0;
  [[nodiscard]] bool complete() const { return unsized.empty(); }
};

// Which entry an open file or directory of the data tree is.
struct Identity {
  EntryId id = 0;
  EntryKind kind = EntryKind::file;
  // False: what the name was before (an older generation, a replaced
  // placeholder). What is missing of it can never be had.
  bool current = false;
};

}  // namespace lazymirror
