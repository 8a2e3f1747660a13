// SPDX-License-Identifier: Apache-2.0
//
// Finds out, for all names of a directory at once, what its listing did not
// say. A name that the origin refuses to tell of is left out, and not asked
// for again for EngineOptions::retry_ttl.
//
// Threads: safe from any thread; run() reads the catalog and so is for the pool.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/parts.h"
#include "engine/prober.h"
#include "engine/recent_failures.h"

namespace lazymirror {

class SizeSurvey {
 public:
  SizeSurvey(const Parts& parts, Prober& prober)
      : parts_(parts), prober_(prober), refused_(parts.options.retry_ttl, parts.clock) {}

  struct Outcome {
    std::size_t left_out = 0;      // refused
    std::optional<Error> missing;  // why others are not known, if any
  };
  // `done` comes at the latest at the context's deadline.
  void run(EntryId directory, RequestContext context, UniqueFunction<void(Outcome)> done);
  // The same questions with a higher priority; nobody waits.
  void hasten(EntryId directory, RequestContext context);
  // Sizes that came from a probe get old, as listings do: asks again behind the
  // scenes, for some of them at a time.
  void recheck_old(EntryId directory);

 private:
  struct Survey;
  void note(Survey& survey, EntryId id, const Result<Entry>& found);
  void ask_again(EntryId directory, RequestContext context, const std::shared_ptr<Survey>& survey);
  // Files whose size was asked for too long ago.
  [[nodiscard]] std::vector<Entry> old_in(EntryId directory) const;

  const Parts& parts_;
  Prober& prober_;
  RecentFailures refused_;
};

}  // namespace lazymirror
