// SPDX-License-Identifier: Apache-2.0
//
// What the engine tells of itself: the reports of report.h, put together from
// those who know.
//
// Threads: safe from any thread. Local disk work.
#pragma once

#include <cstdint>
#include <vector>

#include "base/guarded.h"
#include "cache/cache.h"
#include "engine/engine.h"
#include "engine/files.h"
#include "engine/meter.h"
#include "engine/report.h"
#include "engine/tree_urls.h"
#include "engine/uplink.h"

namespace lazymirror {

class Reporter {
 public:
  Reporter(Cache& cache, const TreeUrls& urls, const Meter& meter, Uplink& uplink,
           const TransferQueue& queue, const Clock& clock)
      : cache_(cache), urls_(urls), meter_(meter), uplink_(uplink), queue_(queue), clock_(clock) {}

  // As the engine's functions of the same name.
  [[nodiscard]] Result<FileStatus> status(EntryId id) const;
  [[nodiscard]] EngineReport report(const Files& files);
  [[nodiscard]] Result<EntryReport> describe(EntryId id) const;
  [[nodiscard]] Result<std::vector<NameStatus>> names(EntryId directory) const;

 private:
  struct Known {
    Catalog::Files files;
    SteadyTime until{};
  };
  [[nodiscard]] Catalog::Files known_files();
  [[nodiscard]] Result<NameStatus> name_of(const Entry& entry, bool stale) const;
  [[nodiscard]] bool is_stale(const DirectoryState& state) const;
  void describe_file(const Entry& entry, EntryReport& out) const;

  Cache& cache_;
  const TreeUrls& urls_;
  const Meter& meter_;
  Uplink& uplink_;
  const TransferQueue& queue_;
  const Clock& clock_;
  Guarded<Known> known_;
};

}  // namespace lazymirror
