// SPDX-License-Identifier: Apache-2.0
//
// What stands in a placeholder where no bytes are yet. On file systems that can
// share extents (XFS, btrfs) it is a visible line, cloned from one template
// (DIR/meta/poison), so that a placeholder has no holes and costs next to no
// disk; elsewhere it is a hole. Either way it is never taken for data: only the
// chunk map says what is.
//
// Threads: safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/byte_range.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror {

class Poison {
 public:
  // `meta`: an open directory on the cache's file system. Makes the template if
  // it is missing or damaged. Where that is not possible, holes it is.
  explicit Poison(int meta);

  [[nodiscard]] bool is_visible() const { return template_.valid(); }

  // Makes a new, empty file `size` bytes of poison long.
  Result<> fill_new(int fd, std::uint64_t size) const;

  // Replaces the bytes of a part of an existing file, whose size and other
  // bytes stay. REQUIRES: begins at a multiple of 4096, and ends at one or at
  // the end of the file.
  Result<> cover(int fd, ByteRange range) const;

 private:
  Result<bool> clone(int fd, ByteRange blocks) const;  // false: this file cannot share
  Result<> write_tail(int fd, ByteRange tail) const;
  Result<> punch(int fd, ByteRange range) const;

  UniqueFd template_;
  std::uint64_t step_ = 0;  // how much of the template there is
  bool may_shrink_ = false;
  mutable std::atomic<bool> warned_{false};
};

}  // namespace lazymirror
