// SPDX-License-Identifier: Apache-2.0
//
// The last uses of files that are not recorded yet. Noted in the path of reads,
// so in memory only; taken away in steps by whoever records them.
//
// Threads: safe from any thread.
#pragma once

#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "cache/catalog.h"

namespace lazymirror {

class Uses {
 public:
  void note(EntryId id, std::int64_t wall_ns) {
    times_.with([&](auto& times) {
      std::int64_t& last = times[id];
      if (last < wall_ns) last = wall_ns;
    });
  }

  [[nodiscard]] std::vector<Catalog::Use> take(std::size_t most) {
    return times_.with([&](auto& times) {
      std::vector<Catalog::Use> taken;
      while (!times.empty() && taken.size() < most) {
        taken.push_back({times.begin()->first, times.begin()->second});
        times.erase(times.begin());
      }
      return taken;
    });
  }

 private:
  Guarded<std::unordered_map<EntryId, std::int64_t>> times_;
};

}  // namespace lazymirror
