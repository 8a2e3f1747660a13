// SPDX-License-Identifier: Apache-2.0
//
// Asks for listings before somebody wants them (fetch/listing_look_ahead.h),
// behind all demand. What could not be had stays in the account of its walk, so
// that an origin that is away is not asked for a whole tree.
//
// Threads: safe from any thread; the policy runs on the pool, one event after
// the other.
#pragma once

#include <atomic>
#include <vector>

#include "engine/directory_loader.h"
#include "engine/one_by_one.h"
#include "fetch/listing_look_ahead.h"

namespace lazymirror {

class ListingAhead final : private ListingLookAhead::Tree {
 public:
  ListingAhead(const Parts& parts, DirectoryLoader& loader);

  // Somebody lists the directory, whose listing is there.
  void visited(EntryId directory);
  // The same for one without subdirectories, whose listing was there before.
  void visited_leaf(EntryId directory);
  // One readdir(3) stream asks for its listing many times.
  [[nodiscard]] bool is_latest(EntryId directory) const { return latest_ == directory; }
  void stop() { events_.stop(); }

 private:
  struct Event {
    EntryId directory = 0;
    bool arrival = false;  // of its listing; else a visit
  };

  void handle(const Event& event);
  void ask(EntryId directory);
  std::vector<EntryId> unlisted(EntryId directory, EntryId after, std::size_t limit) override;

  const Parts& parts_;
  DirectoryLoader& loader_;
  std::atomic<EntryId> latest_{0};
  std::atomic<std::size_t> unused_{0};  // as the policy last said
  ListingLookAhead policy_{*this};
  OneByOne<Event> events_;
};

}  // namespace lazymirror
