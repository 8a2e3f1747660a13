// SPDX-License-Identifier: Apache-2.0
#include "engine/recent_failures.h"

namespace lazymirror {

void RecentFailures::remember(EntryId id, const Error& error) {
  const SteadyTime now = clock_.now();
  failed_.with([&](auto& failed) {
    if (failed.size() >= kMost)
      std::erase_if(failed, [&](auto& f) { return f.second.until <= now; });
    if (failed.size() >= kMost) failed.clear();
    failed.insert_or_assign(id, Failed{error, now + keep_});
  });
}

std::optional<Error> RecentFailures::recall(EntryId id) const {
  const SteadyTime now = clock_.now();
  return failed_.with([&](const auto& failed) -> std::optional<Error> {
    const auto it = failed.find(id);
    if (it == failed.end() || it->second.until <= now) return std::nullopt;
    return it->second.error;
  });
}

void RecentFailures::forget(EntryId id) {
  failed_.with([&](auto& failed) { failed.erase(id); });
}

bool is_lasting(Errc code) {
  return code == Errc::not_found || code == Errc::denied || code == Errc::bad_reply;
}

}  // namespace lazymirror
