// SPDX-License-Identifier: Apache-2.0
#include "engine/changes.h"

namespace lazymirror {

void ListenerSlot::set(ChangeListener* listener) {
  std::unique_lock lock(mutex_);
  listener_ = nullptr;
  quiet_.wait(lock, [&] { return calls_ == 0; });
  listener_ = listener;
}

ChangeListener* ListenerSlot::enter() {
  const std::lock_guard lock(mutex_);
  if (listener_ != nullptr) ++calls_;
  return listener_;
}

void ListenerSlot::leave() {
  const std::lock_guard lock(mutex_);
  if (--calls_ == 0) quiet_.notify_all();
}

void Changes::listing_stored(EntryId directory, const ListingDiff& diff,
                             std::int64_t fresh_until_ns) {
  if (diff.first) {
    describer_.first_listed(directory);
    views_.drop(directory);
    return;  // nobody has been shown anything of it
  }
  if (!diff.any()) return listing_kept(directory, fresh_until_ns);
  views_.drop(directory);
  for (const auto& item : diff.removed) {
    files_.drop(item.id);
    views_.drop(item.id);
  }
  for (const auto& item : diff.changed) files_.drop(item.id);
  listener_.tell([&](ChangeListener& listener) {
    for (const auto& item : diff.removed) listener.entry_changed(directory, item.name, item.id);
    for (const auto& item : diff.changed) listener.entry_changed(directory, item.name, item.id);
    if (!diff.added.empty() || !diff.removed.empty()) listener.directory_changed(directory);
  });
}

void Changes::listing_kept(EntryId directory, std::int64_t fresh_until_ns) {
  views_.set_fresh_until(directory, fresh_until_ns);
}

void Changes::entry_resolved(const Entry& entry) { views_.outdate(entry.parent, entry.id); }

void Changes::file_changed(const Entry& entry) {
  files_.drop(entry.id);
  views_.outdate(entry.parent, entry.id);
  listener_.tell([&](ChangeListener& listener) {
    listener.entry_changed(entry.parent, entry.name, entry.id);
  });
}

void Changes::file_completed(EntryId directory, const std::string& name, EntryId id) {
  views_.outdate(directory, id);
  listener_.tell([&](ChangeListener& listener) { listener.file_completed(directory, name, id); });
}

void Changes::file_evicted(EntryId directory, const std::string& name, EntryId id) {
  views_.outdate(directory, id);
  listener_.tell([&](ChangeListener& listener) { listener.file_evicted(directory, name, id); });
}

void Changes::listed_ahead(EntryId directory) {
  listener_.tell([&](ChangeListener& listener) { listener.listed_ahead(directory); });
}

}  // namespace lazymirror
