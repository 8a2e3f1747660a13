// SPDX-License-Identifier: Apache-2.0
#include "fanotify/trap_plan.h"

#include <cerrno>

namespace lazymirror::fanotify {

void TrapPlan::State::wait(EntryId directory, const std::string& path) {
  if (places.contains(directory)) return;
  waiting.emplace(next_place, std::pair(directory, path));
  places.emplace(directory, next_place++);
  if (waiting.size() <= kMostWaiting) return;
  places.erase(waiting.begin()->second.first);
  waiting.erase(waiting.begin());
}

bool TrapPlan::State::forget(EntryId directory) {
  if (const auto place = places.find(directory); place != places.end()) {
    waiting.erase(place->second);
    places.erase(place);
  }
  return set.erase(directory) > 0;
}

std::optional<std::pair<EntryId, std::string>> TrapPlan::State::take_next(std::size_t most) {
  if (waiting.empty() || set.size() >= most) return std::nullopt;
  auto next = std::move(std::prev(waiting.end())->second);
  waiting.erase(std::prev(waiting.end()));
  places.erase(next.first);
  set.emplace(next);
  return next;
}

bool TrapPlan::want(EntryId directory, const std::string& path) {
  enum class Step { ask, nothing, later };
  const Step step = state_.with([&](State& state) {
    if (state.set.contains(directory)) return Step::nothing;
    if (state.set.size() >= most_) {
      if (most_ > 0) state.wait(directory, path);
      return Step::later;
    }
    state.forget(directory);
    state.set.emplace(directory, path);
    return Step::ask;
  });
  if (step == Step::ask) outbox_.set_trap(directory, path);
  return step != Step::later;
}

void TrapPlan::fill_slot() {
  const auto next = state_.with([&](State& state) { return state.take_next(most_); });
  if (next) outbox_.set_trap(next->first, next->second);
}

void TrapPlan::release(EntryId directory, int error) {
  if (!state_.with([&](State& state) { return state.forget(directory); })) return;
  outbox_.untrap(directory, error);
  fill_slot();
}

void TrapPlan::release_caught(EntryId directory) {
  const bool known = state_.with([&](State& state) { return state.forget(directory); });
  outbox_.untrap(directory, 0);
  if (known) fill_slot();
}

void TrapPlan::release_below(const std::string& path, int error) {
  std::vector<EntryId> gone;
  state_.with([&](State& state) {
    for (const auto& [id, at] : state.set) {
      if (at.starts_with(path + '/')) gone.push_back(id);
    }
    for (const auto& [place, one] : state.waiting) {
      if (one.second.starts_with(path + '/')) gone.push_back(one.first);
    }
  });
  for (const EntryId id : gone) release(id, error);
}

bool TrapPlan::on_trap_set(EntryId directory, int error) {
  const bool is_set = error == 0 || error == EBUSY;  // busy: of an earlier worker
  const bool wanted = state_.with([&](State& state) {
    return is_set ? state.set.contains(directory) : state.forget(directory);
  });
  if (is_set && !wanted) outbox_.untrap(directory, 0);  // populated meanwhile
  if (!is_set && wanted) fill_slot();
  return is_set || !wanted;
}

std::size_t TrapPlan::count() const {
  return state_.with([](const State& state) { return state.set.size(); });
}

}  // namespace lazymirror::fanotify
