// SPDX-License-Identifier: Apache-2.0
#include "fanotify/change_follower.h"

#include <cerrno>

namespace lazymirror::fanotify {

void ChangeFollower::entry_changed(EntryId directory, const std::string& name, EntryId id) {
  parts_.pool.run([this, directory, name, id] {
    drop_traps(directory, name, id);
    follow(directory);
  });
}

void ChangeFollower::directory_changed(EntryId directory) {
  parts_.pool.run([this, directory] { follow(directory); });
}

void ChangeFollower::listed_ahead(EntryId directory) { look_ahead_.add({directory}); }

// Only a directory that is gone has traps; who waits there sees it go.
void ChangeFollower::drop_traps(EntryId directory, const std::string& name, EntryId id) {
  traps_.release(id, ESTALE);
  if (traps_.count() == 0) return;
  const auto parent = parts_.tree.path(directory);
  if (parent) traps_.release_below(parent->empty() ? name : *parent + '/' + name, ESTALE);
}

void ChangeFollower::follow(EntryId directory) {
  directories_.set_stale(directory);
  changed_.add({directory}, true);
}

}  // namespace lazymirror::fanotify
