// SPDX-License-Identifier: Apache-2.0
//
// Carries what changed in the catalog or the cache to those who hold copies of
// it: listings, open files, and the front end with the kernel behind it.
//
// Threads: safe from any thread. The listener is called without a lock held.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "engine/attributes.h"
#include "engine/engine.h"
#include "engine/open_files.h"
#include "engine/view_cache.h"

namespace lazymirror {

// The listener's place. set() returns when no call to the previous one is under
// way any more.
class ListenerSlot {
 public:
  void set(ChangeListener* listener);
  // Calls f(listener) if there is one.
  template <typename F>
  void tell(F&& f) {
    ChangeListener* const listener = enter();
    if (listener == nullptr) return;
    f(*listener);
    leave();
  }

 private:
  ChangeListener* enter();
  void leave();

  std::mutex mutex_;
  std::condition_variable quiet_;
  ChangeListener* listener_ = nullptr;
  unsigned calls_ = 0;
};

class Changes {
 public:
  Changes(Describer& describer, ViewCache& views, OpenFiles& files)
      : describer_(describer), views_(views), files_(files) {}

  void set_listener(ChangeListener* listener) { listener_.set(listener); }

  void listing_stored(EntryId directory, const ListingDiff& diff, std::int64_t fresh_until_ns);
  void listing_kept(EntryId directory, std::int64_t fresh_until_ns);  // only the date moved
  void entry_resolved(const Entry& entry);  // its kind or size is known now
  void file_changed(const Entry& entry);    // a new generation
  void file_completed(EntryId directory, const std::string& name, EntryId id);
  void file_evicted(EntryId directory, const std::string& name, EntryId id);
  void listed_ahead(EntryId directory);

 private:
  Describer& describer_;
  ViewCache& views_;
  OpenFiles& files_;
  ListenerSlot listener_;
};

}  // namespace lazymirror
