// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine for a front end that shows the data tree itself: the
// kernel serves names, attributes and present bytes, the engine only makes
// them right beforehand.
//
// Threads: safe from any thread. identify(), open() and path() look at
// the local disk only; populate() never blocks the caller.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/request_context.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/unique_function.h"
#include "cache/cached_file.h"
#include "cache/placement.h"

namespace lazymirror {

class InPlace {
 public:
  using PlacementPtr = std::shared_ptr<const Placement>;
  virtual ~InPlace() = default;

  // Before the first populate(). A call under way keeps the observer alive.
  virtual void set_observer(std::shared_ptr<PlacementObserver> observer) = 0;

  // Places all names of the directory, completely: a listing that was never
  // had is fetched, sizes that it does not tell are asked for. A listing that
  // has expired is placed as it is, and refreshed behind the scenes; what the
  // refresh changes is told to the ChangeListener, who populates again.
  // A file that the origin lists but refuses to tell the size of (404, 403) is
  // left out. Errc::timeout when names are still missing at the deadline: what
  // was found out is kept, so that a later call gets further.
  virtual void populate(EntryId directory, RequestContext context,
                        Completion<PlacementPtr> done) = 0;
  // Somebody opens the directory to list it: what he goes on to is fetched ahead.
  virtual void visited(EntryId directory) = 0;
  // Looks at everything that earlier runs placed, for an observer whose guards
  // did not outlive them. Blocks; local disk work.
  virtual Result<> place_known() = 0;
  // How long there is nothing to do for an opendir(3): the directory is placed
  // and its listing fresh. Zero when it is not.
  [[nodiscard]] virtual Duration fresh_for(EntryId directory) = 0;
  [[nodiscard]] bool is_fresh(EntryId directory) { return fresh_for(directory) > Duration(0); }

  // As the cache's functions: see cache/cache.h.
  [[nodiscard]] virtual Result<std::optional<Identity>> identify(int fd) = 0;
  [[nodiscard]] virtual Result<UniqueFd> open(EntryId id, int flags) = 0;
  [[nodiscard]] virtual Result<std::string> path(EntryId id) = 0;
  // Calls `mark` if the file is complete, which it then stays until the call
  // returns: it is not evicted meanwhile.
  virtual void if_complete(EntryId id, UniqueFunction<void()> mark) = 0;
  // As CachedFile::forget(), on behalf of verify. Errc::busy: try again.
  virtual Result<> forget(CachedFile& file, std::span<const ByteRange> ranges) = 0;
  virtual Result<> reserve(EntryId id) = 0;
  virtual Result<> release(EntryId id) = 0;
  [[nodiscard]] virtual std::vector<EntryId> reserved() = 0;
  [[nodiscard]] virtual bool can_poison() const = 0;
};

}  // namespace lazymirror
