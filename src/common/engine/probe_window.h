// SPDX-License-Identifier: Apache-2.0
//
// How far ahead sizes are asked for, so that `ls -l` over a listing without
// sizes costs a few round trips instead of one per file: a window per directory
// that moves along with the entries looked at, and is extended when half of it
// is used up.
//
// Threads: safe from any thread.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <vector>

#include "base/guarded.h"
#include "cache/entry.h"

namespace lazymirror {

class ProbeWindow {
 public:
  explicit ProbeWindow(std::size_t width) : width_(width) {}

  struct Step {
    EntryId after = 0;
    std::size_t count = 0;
  };
  // An entry is looked at, whose size is unknown or not. What to ask for, if
  // anything; the caller then says by asked() what there was.
  [[nodiscard]] std::optional<Step> on_use(EntryId directory, EntryId id, bool unsized);
  void asked(EntryId directory, const Step& step, const std::vector<EntryId>& ids);

 private:
  struct Window {
    EntryId directory = 0;
    std::vector<EntryId> asked;  // ascending
    bool extending = false;      // between on_use() and asked()
    bool exhausted = false;      // nothing unsized beyond
  };
  static constexpr std::size_t kMostDirectories = 64;

  static Window& of(std::list<Window>& windows, EntryId directory);

  const std::size_t width_;
  Guarded<std::list<Window>> windows_;  // most recently used first
};

}  // namespace lazymirror
