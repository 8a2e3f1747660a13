// SPDX-License-Identifier: Apache-2.0
#include "fanotify/population.h"

#include <fcntl.h>

#include <utility>

namespace lazymirror::fanotify {

void Population::State::calm(EntryId directory) {
  const auto found = unrest.find(directory);
  if (found->second.asked == 0 && !found->second.followed) unrest.erase(found);
}

bool Population::State::is_at_rest(EntryId directory) const {
  return seen.contains(directory) && !unrest.contains(directory);
}

void Population::populate(EntryId directory, Priority priority, Completion<Outcome> done) {
  if (parts_.tree.is_fresh(directory) && joins(directory, done)) return;
  state_.with([&](State& state) { ++state.unrest[directory].asked; });
  auto placed = [this, directory,
                 done = std::move(done)](Result<InPlace::PlacementPtr> result) mutable {
    on_result(directory, std::move(result), std::move(done));
  };
  parts_.tree.populate(directory, parts_.context(priority),
                       parts_.gate.completion<InPlace::PlacementPtr>(std::move(placed)));
}

// Of a directory that was found fresh: unless the engine owes a result, all that
// was placed until then is followed by now, or was.
bool Population::joins(EntryId directory, Completion<Outcome>& done) {
  return state_.with([&](State& state) {
    const auto found = state.unrest.find(directory);
    if (found == state.unrest.end() || found->second.asked > 0) return false;
    found->second.waiting.push_back({nullptr, std::move(done)});
    return true;
  });
}

// On a thread of the engine's, which must not block.
void Population::on_result(EntryId directory, Result<InPlace::PlacementPtr> result,
                           Completion<Outcome> done) {
  const bool begins = state_.with([&](State& state) {
    Unrest& unrest = state.unrest.at(directory);
    --unrest.asked;
    if (!result) {
      state.calm(directory);
      return false;
    }
    unrest.waiting.push_back({std::move(*result), std::move(done)});
    return !std::exchange(unrest.followed, true);
  });
  if (begins) return parts_.pool.run([this, directory] { follow(directory); });
  if (result) return;
  parts_.pool.run([done = std::move(done), error = std::move(result.error())]() mutable {
    done(fail(std::move(error)));
  });
}

// Those that come at the same time have the same placement.
void Population::follow(EntryId directory) {
  Outcome outcome;
  InPlace::PlacementPtr last;
  for (bool ends = false; !ends;) {
    auto waiters = take_waiting(directory);
    for (const Waiter& waiter : waiters) {
      if (!waiter.placement || waiter.placement == last) continue;
      last = waiter.placement;
      outcome = on_placed(*last);
    }
    ends = ends_following(directory);
    complete(std::move(waiters), outcome);
  }
}

void Population::complete(std::vector<Waiter> waiters, const Outcome& outcome) {
  for (std::size_t i = 1; i < waiters.size(); ++i) {
    parts_.pool.run([done = std::move(waiters[i].done), outcome]() mutable { done(outcome); });
  }
  waiters.front().done(outcome);
}

std::vector<Population::Waiter> Population::take_waiting(EntryId directory) {
  return state_.with(
      [&](State& state) { return std::exchange(state.unrest.at(directory).waiting, {}); });
}

// False: somebody has come meanwhile.
bool Population::ends_following(EntryId directory) {
  return state_.with([&](State& state) {
    Unrest& unrest = state.unrest.at(directory);
    if (!unrest.waiting.empty()) return false;
    unrest.followed = false;
    state.calm(directory);
    return true;
  });
}

Population::Outcome Population::on_placed(const Placement& placement) {
  std::vector<const Placement::Directory*> unseen;
  const bool first = state_.with([&](const State& state) {
    for (const auto& child : placement.directories) {
      if (!state.seen.contains(child.id)) unseen.push_back(&child);
    }
    return !state.seen.contains(placement.id);
  });
  if (first && !parts_.options.first) heed(placement.id);
  Outcome outcome;
  const auto path = unseen.empty() ? Result<std::string>() : parts_.tree.path(placement.id);
  for (const auto* child : unseen) {
    const bool trapped =
        path && traps_.want(child->id, path->empty() ? child->name : *path + '/' + child->name);
    if (!trapped) outcome.untrapped.push_back(child->id);
  }
  state_.with([&](State& state) { state.seen.insert(placement.id); });
  traps_.release(placement.id, 0);
  return outcome;
}

// The worker before this one may have had it ignored for as long as it was
// fresh, and does not look at the time any more.
void Population::heed(EntryId directory) {
  const auto fd = parts_.tree.open(directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (fd) (void)parts_.group.heed_directory(fd->get());
}

// The state comes last: what was placed before the directory was found fresh is
// in it, or has been followed.
bool Population::is_settled(EntryId directory) {
  const auto at_rest = [&] {
    return state_.with([&](const State& state) { return state.is_at_rest(directory); });
  };
  return at_rest() && parts_.tree.is_fresh(directory) && at_rest();
}

}  // namespace lazymirror::fanotify
