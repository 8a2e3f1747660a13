// SPDX-License-Identifier: Apache-2.0
#include "engine/populator.h"

#include <algorithm>
#include <utility>

namespace lazymirror {
namespace {

// Where nobody guards anything (a test, a command that only evicts).
class NoObserver final : public PlacementObserver {
 public:
  Result<> before_file(int) override { return {}; }
  Result<> before_directory(int) override { return {}; }
};

// A listing that changes while it is placed is placed again; this often in a
// row it is somebody else's turn to look.
constexpr unsigned kMaxRounds = 4;

}  // namespace

Populator::Populator(const Parts& parts, Tree& tree, DirectoryLoader& loader, Prober& prober)
    : parts_(parts),
      tree_(tree),
      loader_(loader),
      sizes_(parts, prober),
      partial_(parts.options.retry_ttl, parts.clock),
      flights_(parts.queue, parts.timers, "the directory could not be populated in time"),
      observer_(std::in_place, std::make_shared<NoObserver>()) {}

void Populator::set_observer(ObserverPtr observer) {
  observer_.with([&](ObserverPtr& current) { current.swap(observer); });
}

ObserverPtr Populator::observer() const {
  return observer_.with([](const ObserverPtr& current) { return current; });
}

void Populator::stop() {
  stopped_ = true;
  flights_.stop();
  places_.close();
}

// --- flights ---

// Who joins the flight of somebody with less patience does not end with it.
void Populator::populate(EntryId directory, RequestContext context, Completion<PlacementPtr> done) {
  const auto joined = std::make_shared<std::atomic<bool>>(true);
  auto then = [this, directory, context, joined,
               done = std::move(done)](Result<PlacementPtr> result) mutable {
    const bool too_early = !result && result.error().code == Errc::timeout && *joined &&
                           parts_.clock.now() < context.deadline;
    if (too_early && !stopped_) return populate(directory, context, std::move(done));
    done(std::move(result));
  };
  if (!flights_.join(directory, context, std::move(then))) return hasten(directory, context);
  *joined = false;
  begin(directory, context);
}

void Populator::begin(EntryId directory, RequestContext context) {
  partial_.forget(directory);
  under_way_.with([&](auto& flights) {
    flights.insert_or_assign(directory, Flight{context.priority, context.deadline});
  });
  run(directory, &Populator::load);
}

void Populator::hasten(EntryId directory, RequestContext context) {
  const bool slow = under_way_.with([&](auto& flights) {
    const auto flight = flights.find(directory);
    if (flight == flights.end() || flight->second.priority <= context.priority) return false;
    flight->second.priority = context.priority;
    return true;
  });
  if (!slow || stopped_) return;
  places_.hasten(directory);
  parts_.pool.run([this, directory, context] {
    const auto state = parts_.cache.catalog().directory(directory);
    if (!state || stopped_) return;
    if (state->listed) return sizes_.hasten(directory, context);
    loader_.load(directory, context, [](const Result<>&) {});
  });
}

RequestContext Populator::context_of(EntryId directory) const {
  return under_way_.with([&](const auto& flights) -> RequestContext {
    const auto flight = flights.find(directory);
    if (flight == flights.end()) return {Priority::bulk, parts_.clock.now()};
    return {flight->second.priority, flight->second.deadline};
  });
}

void Populator::complete(EntryId directory, const Result<PlacementPtr>& result) {
  under_way_.with([&](auto& flights) { flights.erase(directory); });
  flights_.complete(directory, result);
}

// --- the steps of one; each on the pool ---

void Populator::run(EntryId directory, void (Populator::*step)(EntryId)) {
  parts_.pool.run([this, directory, step] {
    if (!stopped_) (this->*step)(directory);
  });
}

void Populator::load(EntryId directory) {
  const auto state = parts_.cache.catalog().directory(directory);
  if (!state) return complete(directory, fail(state.error()));
  if (state->listed) {
    if (parts_.clock.wall_ns() < state->fresh_until_ns) return survey(directory);
    return refresh(directory);
  }
  tree_.populate(directory, context_of(directory), [this, directory](const Result<>& loaded) {
    if (!loaded) return complete(directory, fail(loaded.error()));
    run(directory, &Populator::survey);
  });
}

// The old listing is placed when there is no newer one.
void Populator::refresh(EntryId directory) {
  if (parts_.options.strict_ttl && !parts_.uplink.is_away()) {
    const RequestContext context = halved(context_of(directory), parts_.clock.now());
    return loader_.load(directory, context,
                        [this, directory](const Result<>&) { run(directory, &Populator::survey); });
  }
  if (!parts_.uplink.is_offline()) {
    loader_.refresh(directory);
    sizes_.recheck_old(directory);
  }
  survey(directory);
}

void Populator::survey(EntryId directory) {
  sizes_.run(directory, context_of(directory), [this, directory](SizeSurvey::Outcome outcome) {
    if (stopped_) return;
    places_.submit(directory, context_of(directory).priority,
                   [this, directory, outcome = std::move(outcome)] { place(directory, outcome); });
  });
}

void Populator::place(EntryId directory, const SizeSurvey::Outcome& outcome) {
  if (stopped_) return;
  auto placement = put_in_place(directory);
  if (!placement) return complete(directory, fail(std::move(placement.error())));
  if (outcome.missing) return complete(directory, fail(*outcome.missing));
  if (is_overtaken(directory, *placement, outcome)) return survey(directory);
  if (outcome.left_out > 0) {
    partial_.remember(directory, {Errc::not_found, "names were left out", 0});
  }
  complete(directory, std::make_shared<const Placement>(std::move(*placement)));
}

// On the disk; unless it stands there since this run looked at it.
Result<Placement> Populator::put_in_place(EntryId directory) {
  auto known = standing(directory);
  if (known && *known) return std::move(**known);
  auto placement = parts_.cache.place(directory, observer());
  if (placement) looked_at_.with([&](auto& seen) { seen.insert(directory); });
  return placement;
}

Result<std::optional<Placement>> Populator::standing(EntryId directory) {
  const bool looked_at =
      looked_at_.with([&](const auto& seen) { return seen.contains(directory); });
  if (!looked_at) return std::optional<Placement>();
  const auto children = parts_.cache.catalog().children(directory);
  if (!children) return fail(children.error());
  Placement placement;
  placement.id = directory;
  for (const Entry& child : *children) {
    if (child.kind != EntryKind::directory) continue;
    const auto placed = parts_.cache.is_placed(child.id);
    if (!placed) return fail(placed.error());
    placement.directories.push_back({child.id, child.name, *placed});
  }
  // Afterwards: what was read belongs to the listing that stands.
  const auto placed = parts_.cache.is_placed(directory);
  if (!placed) return fail(placed.error());
  return *placed ? std::optional(std::move(placement)) : std::nullopt;
}

// The listing has changed since the survey, or while it was placed.
bool Populator::is_overtaken(EntryId directory, const Placement& placement,
                             const SizeSurvey::Outcome& outcome) {
  const bool more_unsized = placement.unsized.size() > outcome.left_out;
  const auto placed = parts_.cache.is_placed(directory);
  const bool changed = outcome.left_out == 0 && placed && !*placed;
  if (!more_unsized && !changed) return false;
  return under_way_.with([&](auto& flights) {
    const auto flight = flights.find(directory);
    return flight != flights.end() && ++flight->second.rounds < kMaxRounds;
  });
}

// --- what is known ---

// Only what is listed can have files in it.
Result<> Populator::place_known() {
  std::vector<EntryId> directories{kRootId};
  while (!directories.empty() && !stopped_) {
    const EntryId directory = directories.back();
    directories.pop_back();
    const auto state = parts_.cache.catalog().directory(directory);
    if (!state || !state->listed) continue;
    const auto placement = put_in_place(directory);
    if (!placement) return fail(placement.error());
    for (const auto& child : placement->directories) directories.push_back(child.id);
  }
  return {};
}

Duration Populator::fresh_for(EntryId directory) {
  const bool busy =
      under_way_.with([&](const auto& flights) { return flights.contains(directory); });
  const auto state = parts_.cache.catalog().directory(directory);
  if (busy || !state || !state->listed) return Duration(0);
  const auto left = std::chrono::duration_cast<Duration>(
      std::chrono::nanoseconds(state->fresh_until_ns - parts_.clock.wall_ns()));
  if (left <= Duration(0)) return Duration(0);
  const auto placed = parts_.cache.is_placed(directory);
  if (placed && *placed) return left;
  return partial_.recall(directory) ? std::min(left, parts_.options.retry_ttl) : Duration(0);
}

}  // namespace lazymirror
