// SPDX-License-Identifier: Apache-2.0
//
// Directories that are populated though nobody waits: the children of one that
// was opened, and those that changed at the origin. A few at a time; the newest
// first.
//
// Threads: safe from any thread.
#pragma once

#include <deque>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/guarded.h"
#include "fanotify/population.h"

namespace lazymirror::fanotify {

class BackgroundPopulates {
 public:
  struct Limits {
    std::size_t at_once;
    std::size_t queued;  // what is more than that is forgotten, the oldest first
    unsigned attempts;   // until it is populated as the catalog knows it
  };
  BackgroundPopulates(const WorkerParts& parts, Population& population, Limits limits)
      : parts_(parts), population_(population), limits_(limits) {}

  // The first of them first.
  void add(const std::vector<EntryId>& directories, bool even_if_settled = false);

 private:
  struct Item {
    EntryId directory;
    bool even_if_settled;
    unsigned attempt;
  };
  struct State {
    std::deque<Item> queue;
    std::unordered_set<EntryId> queued;
    std::size_t running = 0;
  };

  void push(const Item& item);
  void pump();
  [[nodiscard]] std::optional<Item> take();
  void finish(const Item& item, const Result<Population::Outcome>& result);

  const WorkerParts& parts_;
  Population& population_;
  const Limits limits_;
  Guarded<State> state_;
};

}  // namespace lazymirror::fanotify
