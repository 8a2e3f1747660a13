// SPDX-License-Identifier: Apache-2.0
//
// Populates directories: asks the origin for a listing, parses it, stores it.
// One flight per directory. A listing that cannot be had or read never replaces
// one that is there; the next attempt then waits for EngineOptions::retry_ttl.
//
// Where the origin marks its listings, it is asked whether the known one has
// changed. The date of a directory does not tell of files that were written over
// in place, so that is believed for a while only, and then all of it fetched.
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
  // Completes when the origin has been asked since `asked_ns` (DirectoryState), or with
  // why it could not be. What is there is kept then, as always.
  void load_since(EntryId directory, std::int64_t asked_ns, RequestContext context,
                  Completion<> done);
  struct Manner {
    bool in_full = false;  // not whether it has changed; and past all caches on the way
    bool patient = false;  // go on while the origin cannot be reached
  };
  // Asks the origin however fresh it is.
  void reload(EntryId directory, RequestContext context, Manner manner, Completion<> done);
  // Nobody waits; nothing happens when it is under way.
  void refresh(EntryId directory);
  void stop() { flights_.stop(); }

 private:
  // Asks, unless another flight has brought a listing since the caller looked.
  void start(EntryId directory);
  void ask(EntryId directory, const DirectoryState& state, Manner manner);
  [[nodiscard]] bool may_be_unchanged(const DirectoryState& state) const;
  void finish(EntryId directory, Result<ListingReply> reply);
  Result<> store(EntryId directory, const ListingReply& reply);
  Result<> keep(EntryId directory, std::int64_t fresh_until);
  void keep_what_is_there(EntryId directory, const Error& error);
  [[nodiscard]] Duration ttl_of(const ListingReply& reply) const;

  const Parts& parts_;
  RecentFailures failures_;
  SingleFlight<void> flights_;
};

}  // namespace lazymirror
