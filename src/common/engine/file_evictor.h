// SPDX-License-Identifier: Apache-2.0
//
// Gives the bytes of one file back, in the way of the front end that shows it.
#pragma once

#include "base/result.h"
#include "cache/entry.h"

namespace lazymirror {

class FileEvictor {
 public:
  virtual ~FileEvictor() = default;
  // Errc::busy: it is open, or being filled; nothing is changed then. Local disk
  // work; safe from any thread.
  virtual Result<> evict(EntryId id) = 0;
  // See Cache::evict_tail().
  virtual Result<std::uint64_t> evict_tail(EntryId id, std::uint64_t bytes) = 0;
  // It may be evicted soon: its next use is to be told, where uses are not always.
  virtual void ask_again(EntryId /*id*/) {}
  [[nodiscard]] virtual bool asks_again() const { return false; }
};

}  // namespace lazymirror
