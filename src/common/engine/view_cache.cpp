// SPDX-License-Identifier: Apache-2.0
#include "engine/view_cache.h"

#include <utility>

namespace lazymirror {

std::size_t ViewCache::weight(const Slot& slot) {
  return 1 + (slot.view ? slot.view->items.size() : 0);
}

void ViewCache::erase(Slots::iterator slot) {
  items_ -= weight(slot->second);
  recent_.erase(slot->second.place);
  slots_.erase(slot);
}

void ViewCache::use(Slot& slot) { recent_.splice(recent_.begin(), recent_, slot.place); }

void ViewCache::shrink(EntryId keep) {
  while (items_ > max_items_ && recent_.back() != keep) erase(slots_.find(recent_.back()));
}

std::optional<ViewCache::Found> ViewCache::find(EntryId directory) {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(directory);
  if (slot == slots_.end() || !slot->second.view) return std::nullopt;
  Slot& s = slot->second;
  use(s);
  return Found{s.view, s.fresh_until_ns, std::exchange(s.outdated, {}), s.token};
}

ViewCache::Token ViewCache::begin(EntryId directory) {
  const std::lock_guard lock(mutex_);
  const auto [slot, fresh] = slots_.try_emplace(directory);
  Slot& s = slot->second;
  if (fresh) {
    s.token = next_token_++;
    recent_.push_front(directory);
    s.place = recent_.begin();
    items_ += weight(s);
    shrink(directory);
  }
  return s.token;
}

void ViewCache::put(View view, std::int64_t fresh_until_ns, Token token) {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(view->id);
  if (slot == slots_.end() || slot->second.token != token) return;
  Slot& s = slot->second;
  const EntryId directory = view->id;
  items_ -= weight(s);
  s.view.swap(view);
  s.fresh_until_ns = fresh_until_ns;
  items_ += weight(s);
  use(s);
  shrink(directory);
}

void ViewCache::outdate(EntryId directory, EntryId entry) {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(directory);
  if (slot != slots_.end()) slot->second.outdated.push_back(entry);
}

void ViewCache::set_fresh_until(EntryId directory, std::int64_t fresh_until_ns) {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(directory);
  if (slot != slots_.end()) slot->second.fresh_until_ns = fresh_until_ns;
}

void ViewCache::drop(EntryId directory) {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(directory);
  if (slot != slots_.end()) erase(slot);
}

}  // namespace lazymirror
