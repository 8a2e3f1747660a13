// SPDX-License-Identifier: Apache-2.0
//
// What could not be had a moment ago, so that it is not asked for again on each
// look: an absent file in a directory that is listed over and over, a page that
// is no listing. In memory only; bounded.
//
// Threads: safe from any thread.
#pragma once

#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "cache/entry.h"

namespace lazymirror {

class RecentFailures {
 public:
  RecentFailures(Duration keep, const Clock& clock) : keep_(keep), clock_(clock) {}

  void remember(EntryId id, const Error& error);
  [[nodiscard]] std::optional<Error> recall(EntryId id) const;
  void forget(EntryId id);

 private:
  struct Failed {
    Error error;
    SteadyTime until;
  };
  static constexpr std::size_t kMost = 20'000;

  const Duration keep_;
  const Clock& clock_;
  Guarded<std::unordered_map<EntryId, Failed>> failed_;
};

// The origin has decided: asking again soon brings the same.
[[nodiscard]] bool is_lasting(Errc code);

}  // namespace lazymirror
