// SPDX-License-Identifier: Apache-2.0
#include "fuse/recent_files.h"

#include <iterator>

namespace lazymirror::fuse {

std::shared_ptr<File> RecentFiles::find(NodeId node) {
  return state_.with([&](State& state) -> std::shared_ptr<File> {
    const auto place = state.places.find(node);
    if (place == state.places.end()) return nullptr;
    state.files.splice(state.files.begin(), state.files, place->second);
    return place->second->second;
  });
}

// Files are let go of after the lock.
void RecentFiles::keep(NodeId node, std::shared_ptr<File> file) {
  Files oldest;
  state_.with([&](State& state) {
    if (const auto place = state.places.find(node); place != state.places.end()) {
      state.files.splice(state.files.begin(), state.files, place->second);
      std::swap(place->second->second, file);
      return;
    }
    state.files.emplace_front(node, std::move(file));
    state.places.emplace(node, state.files.begin());
    if (state.files.size() <= kMost) return;
    state.places.erase(state.files.back().first);
    oldest.splice(oldest.begin(), state.files, std::prev(state.files.end()));
  });
}

void RecentFiles::drop(NodeId node) {
  Files dropped;
  state_.with([&](State& state) {
    const auto place = state.places.find(node);
    if (place == state.places.end()) return;
    dropped.splice(dropped.begin(), state.files, place->second);
    state.places.erase(place);
  });
}

}  // namespace lazymirror::fuse
