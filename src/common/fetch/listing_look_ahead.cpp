// SPDX-License-Identifier: Apache-2.0
#include "fetch/listing_look_ahead.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lazymirror {

std::size_t ListingLookAhead::unused() const {
  std::size_t count = 0;
  for (const Walk& walk : walks_) count += walk.unused.size();
  return count;
}

// --- which walk ---

ListingLookAhead::Place* ListingLookAhead::place_of(Walk& walk, Id directory) {
  const auto found = walk.by_id.find(directory);
  return found == walk.by_id.end() ? nullptr : &*found->second;
}

// Moves the walk that comes by here to the front.
ListingLookAhead::Walk* ListingLookAhead::select(Id directory, Id parent) {
  const auto use = [&](auto belongs) -> Walk* {
    const auto found = std::find_if(walks_.begin(), walks_.end(), belongs);
    if (found == walks_.end()) return nullptr;
    walks_.splice(walks_.begin(), walks_, found);
    return &walks_.front();
  };
  if (Walk* walk = use([&](const Walk& w) { return w.unused.contains(directory); })) return walk;
  return use(
      [&](const Walk& w) { return w.by_id.contains(directory) || w.by_id.contains(parent); });
}

// --- the places of a walk ---

void ListingLookAhead::put(Walk& walk, Places::iterator before, const Place& place) {
  walk.by_id[place.directory] = walk.places.insert(before, place);
  if (walk.places.size() <= kMostPlaces) return;
  walk.by_id.erase(walk.places.back().directory);
  walk.places.pop_back();
}

// Directories that the walk has left for another child of `parent` come last.
void ListingLookAhead::leave_behind(Walk& walk, Places::iterator parent) {
  for (auto place = walk.places.begin(); place != parent;) {
    const auto next = std::next(place);
    if (place->kind != Place::Kind::ahead) {
      walk.places.splice(walk.places.end(), walk.places, place);
    }
    place = next;
  }
}

void ListingLookAhead::enter(Walk& walk, Id directory, Id parent) {
  if (const auto above = walk.by_id.find(parent); above != walk.by_id.end()) {
    leave_behind(walk, above->second);
  }
  const auto known = walk.by_id.find(directory);
  if (known == walk.by_id.end()) {
    return put(walk, walk.places.begin(), {.directory = directory});
  }
  known->second->kind = Place::Kind::entered;
  walk.places.splice(walk.places.begin(), walk.places, known->second);
}

// A second child of one directory shows that somebody walks.
void ListingLookAhead::note_step(Walk& walk, Place* parent, Id directory, bool expected) {
  if (parent == nullptr) return;
  if (!expected && directory > parent->after) {
    if (parent->kind != Place::Kind::around) parent->from_start = false;
    parent->after = directory;
    parent->exhausted = false;
  }
  if (++parent->visits < 2) return;
  const std::size_t most = expected ? kLargest : std::max(kBlind, walk.window);
  walk.window = std::min(2 * walk.window, most);
}

// --- the face ---

std::vector<ListingLookAhead::Id> ListingLookAhead::on_visit(Id directory, Id parent) {
  Walk* walk = select(directory, parent);
  if (walk == nullptr) {
    walks_.emplace_front();
    if (walks_.size() > kWalks) walks_.pop_back();
    walk = &walks_.front();
    if (parent != directory) {
      put(*walk, walk->places.end(),
          {.directory = parent, .kind = Place::Kind::around, .after = directory});
    }
  }
  const Place* known = place_of(*walk, directory);
  const bool again = known != nullptr && known->kind == Place::Kind::entered;
  const bool expected = walk->unused.erase(directory) > 0;
  if (again && !expected) return {};
  note_step(*walk, place_of(*walk, parent), directory, expected);
  enter(*walk, directory, parent);
  if (walk->unused.size() > kMostUnused) walk->unused.clear();
  std::vector<Id> hints;
  take(*walk, walk->places.front(), kFirst, hints);
  fill(*walk, hints);
  return hints;
}

std::vector<ListingLookAhead::Id> ListingLookAhead::on_arrival(Id directory, Id parent) {
  const auto walk = std::find_if(walks_.begin(), walks_.end(),
                                 [&](const Walk& w) { return w.unused.contains(directory); });
  if (walk == walks_.end() || walk->by_id.contains(directory)) return {};
  const auto above = walk->by_id.find(parent);
  put(*walk, above == walk->by_id.end() ? walk->places.end() : above->second,
      {.directory = directory, .kind = Place::Kind::ahead});
  std::vector<Id> hints;
  fill(*walk, hints);
  return hints;
}

// --- what to ask for ---

bool ListingLookAhead::is_open(const Walk& walk, const Place& place) {
  switch (place.kind) {
    case Place::Kind::entered: return true;
    case Place::Kind::ahead: return walk.window > kFirst;
    case Place::Kind::around: return place.visits >= 2;
  }
  return false;
}

void ListingLookAhead::fill(Walk& walk, std::vector<Id>& hints) {
  for (auto place = walk.places.begin(); place != walk.places.end(); ++place) {
    if (walk.unused.size() >= walk.window) return;
    if (!is_open(walk, *place)) continue;
    take(walk, *place, walk.window - walk.unused.size(), hints);
  }
}

void ListingLookAhead::take(Walk& walk, Place& place, std::size_t count, std::vector<Id>& hints) {
  while (count > 0 && !place.exhausted) {
    const std::size_t asked = count;
    const std::vector<Id> ids = tree_.unlisted(place.directory, place.after, asked);
    for (const Id id : ids) {
      if (!walk.unused.insert(id).second) continue;
      hints.push_back(id);
      --count;
    }
    if (!ids.empty()) place.after = ids.back();
    if (ids.size() == asked) continue;
    place.exhausted = std::exchange(place.from_start, true);  // else once more, from the start
    place.after = 0;
  }
}

}  // namespace lazymirror
