// SPDX-License-Identifier: Apache-2.0
#include "engine/eviction.h"

#include "base/log.h"

namespace lazymirror {
namespace {

constexpr std::size_t kPage = 64;

void log_failure(const Result<>& done) {
  if (!done) log::warn("engine: eviction: {}", done.error().message);
}

}  // namespace

bool Eviction::run(const std::function<std::uint64_t()>& lacking) {
  // The order is that of what is recorded.
  log_failure(cache_.record_uses());
  if (run(Round::at_rest, lacking)) return true;
  // Nor does it know what came in the last second.
  if (cache_.stored_bytes() > cache_.catalog().stored_bytes()) {
    log_failure(cache_.flush());
    if (run(Round::at_rest, lacking)) return true;
  }
  return run(Round::all, lacking);
}

// Ends at files that were used since it began, among them those passed over.
bool Eviction::run(Round round, const std::function<std::uint64_t()>& lacking) {
  const std::int64_t began_ns = clock_.wall_ns();
  std::int64_t used_ns = INT64_MIN;
  EntryId last = 0;
  for (;;) {
    const auto page = cache_.catalog().stored_after(used_ns, last, kPage);
    if (!page) {
      log_failure(fail(page.error()));
      return false;
    }
    std::vector<Catalog::Use> in_use;
    for (const Catalog::Stored& file : *page) {
      const std::uint64_t lack = lacking();
      if (lack == 0 || stopping_) {
        log_failure(cache_.record_uses(in_use));
        return true;
      }
      if (file.used_ns >= began_ns) break;
      if (round == Round::at_rest && !is_at_rest(file, began_ns)) continue;
      if (!give(file, lack)) in_use.push_back({file.id, clock_.wall_ns()});
    }
    log_failure(cache_.record_uses(in_use));
    if (page->size() < kPage || page->back().used_ns >= began_ns) return lacking() == 0;
    used_ns = page->back().used_ns;
    last = page->back().id;
  }
}

// What a file loses a part of stays the longest unused.
Result<> Eviction::give(const Catalog::Stored& file, std::uint64_t lacking) {
  const auto part = part_to_give(file.bytes, lacking);
  if (!part) return evict(file.id, file.bytes);
  if (pins_.cover(file.id)) return fail(Errc::busy, "it is pinned");
  free_.note_giving();
  const auto given = files_.evict_tail(file.id, *part);
  if (!given && given.error().code == Errc::busy) return fail(given.error());
  if (given.value_or(0) == 0) return evict(file.id, file.bytes);
  free_.note_given(*given);
  evicted_bytes_ += *given;
  return {};
}

Result<> Eviction::evict(EntryId id, std::uint64_t bytes) {
  if (pins_.cover(id)) return fail(Errc::busy, "it is pinned");
  free_.note_giving();
  if (auto r = files_.evict(id); !r) return r;
  free_.note_given(bytes);
  ++evicted_files_;
  evicted_bytes_ += bytes;
  return {};
}

void Eviction::ask_again(std::uint64_t bytes) {
  constexpr std::size_t kAtOnce = 256, kMost = 50'000;
  if (!files_.asks_again()) return;
  log_failure(cache_.record_uses());
  std::unordered_map<EntryId, std::int64_t> next;
  std::int64_t used_ns = INT64_MIN;
  EntryId last = 0;
  std::uint64_t sum = 0;
  for (std::size_t fresh = 0;
       fresh < kAtOnce && sum < bytes && next.size() < kMost && !stopping_;) {
    const auto page = cache_.catalog().stored_after(used_ns, last, kPage);
    if (!page || page->empty()) break;
    for (const Catalog::Stored& file : *page) {
      sum += file.bytes;
      next.emplace(file.id, file.used_ns);
      const auto known = asked_.find(file.id);
      if (known != asked_.end() && known->second == file.used_ns) continue;
      files_.ask_again(file.id);
      ++fresh;
    }
    used_ns = page->back().used_ns;
    last = page->back().id;
  }
  asked_ = std::move(next);
}

}  // namespace lazymirror
