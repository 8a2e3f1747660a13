// SPDX-License-Identifier: Apache-2.0
//
// Fetches small files before somebody opens them (fetch/sibling_prefetch.h), and
// the listing of the directory that whoever reads them comes to next; behind all
// demand.
//
// Threads: safe from any thread; the policy runs on the pool, one event after
// the other. A file that is complete costs a look at two flags while nothing
// is fetched ahead.
#pragma once

#include <atomic>
#include <vector>

#include "engine/directory_loader.h"
#include "engine/files.h"
#include "engine/one_by_one.h"
#include "fetch/sibling_prefetch.h"

namespace lazymirror {

class FileAhead final : private SiblingPrefetch::Tree {
 public:
  FileAhead(const Parts& parts, const Describer& describer, Files& files, DirectoryLoader& loader);

  // A front end has opened the file, or is about to read of it.
  void used(MirrorFile& file);
  void stop() { events_.stop(); }

 private:
  struct Event {
    EntryId file = 0;
    std::uint64_t size = 0;
    bool missing = false;  // not complete
  };

  void handle(const Event& event);
  std::vector<SiblingPrefetch::File> following(SiblingPrefetch::Order order, EntryId file,
                                               std::size_t limit, bool sure) override;
  void list(EntryId directory);

  const Parts& parts_;
  const Describer& describer_;
  Files& files_;
  DirectoryLoader& loader_;
  EntryId asked_ = 0;                   // the directory whose listing was asked for last
  std::atomic<std::size_t> unused_{0};  // as the policy last said
  SiblingPrefetch policy_{*this};
  OneByOne<Event> events_;
};

}  // namespace lazymirror
