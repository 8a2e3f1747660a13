// SPDX-License-Identifier: Apache-2.0
//
// Which files may have blocks for bytes that are not there (DataFile::reserve).
// An empty file for each, DIR/meta/reserved/ID, made before the first block is
// taken: whoever comes after a crash knows what to give back. Nothing of it says
// which bytes are data; the chunk maps alone do.
//
// Threads: safe from any thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/entry.h"

namespace lazymirror {

class Reservations {
 public:
  explicit Reservations(UniqueFd meta) : meta_(std::move(meta)) {}

  Result<> add(EntryId id) const;  // also when it is known already
  void remove(EntryId id) const;
  [[nodiscard]] std::vector<EntryId> all() const;

 private:
  const UniqueFd meta_;
};

}  // namespace lazymirror
