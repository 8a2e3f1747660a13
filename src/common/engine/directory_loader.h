// SPDX-License-Identifier: Apache-2.0
//
// Populates directories: asks the origin for a listing, parses it, stores it.
// One flight per directory. A listing that cannot be had or read never replaces
// one that is there; the next attempt then waits for EngineOptions::retry_ttl.
//
// Threads: safe from any thread; parsing and storing happen on the pool.
#pragma once

#include "engine/parts.h"
#include "engine/recent_failures.h"
#include "engine/single_flight.h"

namespace lazymirror {

class DirectoryLoader {
 public:
  explicit DirectoryLoader(const Parts& parts);

  // Completes when there is a fresh listing, or with why there is none.
  void load(EntryId directory, RequestContext context, Completion<> done);
  // The same, but asks the origin however fresh it is.
  void reload(EntryId directory, RequestContext context, Completion<> done);
  // Nobody waits; nothing happens when it is under way.
  void refresh(EntryId directory);
  void stop() { flights_.stop(); }

 private:
  // Asks, unless another flight has brought a listing since the caller looked.
  void start(EntryId directory);
  void ask(EntryId directory);
  void finish(EntryId directory, Result<ListingReply> reply);
  Result<> store(EntryId directory, const ListingReply& reply);
  void keep_what_is_there(EntryId directory, const Error& error);
  [[nodiscard]] Duration ttl_of(const ListingReply& reply) const;

  const Parts& parts_;
  RecentFailures failures_;
  SingleFlight<void> flights_;
};

}  // namespace lazymirror
