// SPDX-License-Identifier: Apache-2.0
#include "engine/size_survey.h"

#include <atomic>
#include <utility>
#include <vector>

namespace lazymirror {
namespace {

// Rechecks that one look at an expired directory may cause.
constexpr std::size_t kRechecks = 256;

bool is_probed(const Entry& entry) {
  return entry.kind == EntryKind::file && entry.size && !entry.listing_is_exact &&
         entry.checked_ns != 0;
}

std::vector<Entry> unresolved_in(const Catalog& catalog, EntryId directory) {
  auto children = catalog.children(directory);
  if (!children) return {};
  std::erase_if(*children, [](const Entry& entry) { return is_resolved(entry); });
  return std::move(*children);
}

}  // namespace

struct SizeSurvey::Survey {
  explicit Survey(UniqueFunction<void(Outcome)> then) : done(std::move(then)) {}
  void finish_one() {
    if (open.fetch_sub(1) == 1) done(outcome.with([](Outcome& o) { return o; }));
  }

  UniqueFunction<void(Outcome)> done;
  Guarded<Outcome> outcome;
  std::atomic<std::size_t> open{1};  // questions, and run() itself
};

void SizeSurvey::run(EntryId directory, RequestContext context,
                     UniqueFunction<void(Outcome)> done) {
  const auto survey = std::make_shared<Survey>(std::move(done));
  for (const Entry& entry : unresolved_in(parts_.cache.catalog(), directory)) {
    ++survey->open;
    if (auto refused = refused_.recall(entry.id)) {
      note(*survey, entry.id, fail(std::move(*refused)));
      continue;
    }
    prober_.probe(entry, context,
                  [this, survey, id = entry.id](Result<Entry> found) { note(*survey, id, found); });
  }
  if (parts_.options.strict_ttl && !parts_.uplink.is_away()) ask_again(directory, context, survey);
  survey->finish_one();
}

// Those who cannot be asked again stay as they were.
void SizeSurvey::ask_again(EntryId directory, RequestContext context,
                           const std::shared_ptr<Survey>& survey) {
  for (const Entry& entry : old_in(directory)) {
    ++survey->open;
    prober_.check(entry, halved(context, parts_.clock.now()),
                  [survey](const Result<Entry>&) { survey->finish_one(); });
  }
}

std::vector<Entry> SizeSurvey::old_in(EntryId directory) const {
  auto children = parts_.cache.catalog().children(directory);
  if (!children) return {};
  const auto ttl = std::chrono::duration_cast<std::chrono::nanoseconds>(parts_.ttls.listing());
  const std::int64_t old = parts_.clock.wall_ns() - ttl.count();
  std::erase_if(*children,
                [&](const Entry& entry) { return !is_probed(entry) || entry.checked_ns > old; });
  return std::move(*children);
}

void SizeSurvey::note(Survey& survey, EntryId id, const Result<Entry>& found) {
  const bool vague = found && !is_resolved(*found);
  if (vague) {
    refused_.remember(id, {Errc::bad_reply, "the origin does not say how large it is", 0});
  }
  if (vague || !found) {
    survey.outcome.with([&](Outcome& outcome) {
      if (vague || is_lasting(found.error().code)) {
        ++outcome.left_out;
      } else if (!outcome.missing) {
        outcome.missing = found.error();
      }
    });
  }
  survey.finish_one();
}

void SizeSurvey::hasten(EntryId directory, RequestContext context) {
  for (const Entry& entry : unresolved_in(parts_.cache.catalog(), directory)) {
    if (!refused_.recall(entry.id)) prober_.probe(entry, context, [](const Result<Entry>&) {});
  }
}

void SizeSurvey::recheck_old(EntryId directory) {
  auto old = old_in(directory);
  if (old.size() > kRechecks) old.resize(kRechecks);
  for (const Entry& entry : old) prober_.recheck(entry, Priority::look_ahead);
}

}  // namespace lazymirror
