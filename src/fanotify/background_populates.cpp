// SPDX-License-Identifier: Apache-2.0
#include "fanotify/background_populates.h"

#include "base/log.h"

namespace lazymirror::fanotify {

void BackgroundPopulates::add(const std::vector<EntryId>& directories, bool even_if_settled) {
  for (auto id = directories.rbegin(); id != directories.rend(); ++id) {
    push({*id, even_if_settled, 1});
  }
  if (!directories.empty()) parts_.pool.run([this] { pump(); });
}

void BackgroundPopulates::push(const Item& item) {
  state_.with([&](State& state) {
    if (!state.queued.insert(item.directory).second) return;
    state.queue.push_front(item);
    if (state.queue.size() <= limits_.queued) return;
    state.queued.erase(state.queue.back().directory);
    state.queue.pop_back();
  });
}

std::optional<BackgroundPopulates::Item> BackgroundPopulates::take() {
  return state_.with([&](State& state) -> std::optional<Item> {
    if (state.queue.empty() || state.running == limits_.at_once) return std::nullopt;
    const Item item = state.queue.front();
    state.queue.pop_front();
    state.queued.erase(item.directory);
    ++state.running;
    return item;
  });
}

void BackgroundPopulates::pump() {
  while (const auto item = take()) {
    if (!item->even_if_settled && population_.is_settled(item->directory)) {
      state_.with([](State& state) { --state.running; });
      continue;
    }
    population_.populate(
        item->directory, Priority::look_ahead,
        [this, item = *item](Result<Population::Outcome> result) { finish(item, result); });
  }
}

void BackgroundPopulates::finish(const Item& item, const Result<Population::Outcome>& result) {
  if (!result && result.error().code != Errc::cancelled) {
    log::debug("fanotify: a directory was not populated ahead: {}", result.error().message);
  }
  state_.with([](State& state) { --state.running; });
  if (result && item.attempt < limits_.attempts && !population_.is_settled(item.directory)) {
    push({item.directory, true, item.attempt + 1});  // it has changed meanwhile
  }
  pump();
}

}  // namespace lazymirror::fanotify
