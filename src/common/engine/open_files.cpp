// SPDX-License-Identifier: Apache-2.0
#include "engine/open_files.h"

#include <algorithm>
#include <utility>

namespace lazymirror {

// `released` dies with the caller's scope, after the lock.
OpenFiles::FilePtr OpenFiles::use(EntryId id, Slot& slot, FilePtr file, FilePtr& released) {
  if (slot.kept) {
    recent_.splice(recent_.begin(), recent_, slot.place);
    return file;
  }
  recent_.push_front(id);
  slot.place = recent_.begin();
  slot.kept = file;
  if (recent_.size() > keep_) {
    released = std::exchange(slots_[recent_.back()].kept, nullptr);
    recent_.pop_back();
  }
  return file;
}

OpenFiles::FilePtr OpenFiles::find(EntryId id) {
  FilePtr released;
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return nullptr;
  auto file = slot->second.file.lock();
  return file ? use(id, slot->second, std::move(file), released) : nullptr;
}

OpenFiles::FilePtr OpenFiles::peek(EntryId id) {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(id);
  return slot == slots_.end() ? nullptr : slot->second.file.lock();
}

OpenFiles::Token OpenFiles::begin() {
  const std::lock_guard lock(mutex_);
  return drops_;
}

OpenFiles::FilePtr OpenFiles::add(FilePtr file, Token token) {
  FilePtr released;
  const std::lock_guard lock(mutex_);
  if (token != drops_) return file;
  sweep();
  const EntryId id = file->id();
  Slot& slot = slots_[id];
  if (auto other = slot.file.lock()) return use(id, slot, std::move(other), released);
  slot.file = file;
  return use(id, slot, std::move(file), released);
}

// Under the lock; what it returns dies after it.
OpenFiles::FilePtr OpenFiles::forget(EntryId id) {
  ++drops_;
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return nullptr;
  auto released = std::move(slot->second.kept);
  if (released) recent_.erase(slot->second.place);
  slots_.erase(slot);
  return released;
}

void OpenFiles::drop(EntryId id) {
  FilePtr released;
  const std::lock_guard lock(mutex_);
  released = forget(id);
}

bool OpenFiles::drop_idle(EntryId id, long holders) {
  FilePtr released;
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return true;
  const long own = holders + (slot->second.kept ? 1 : 0);
  if (slot->second.file.use_count() > own) return false;
  released = forget(id);
  return true;
}

void OpenFiles::clear() {
  std::unordered_map<EntryId, Slot> slots;
  const std::lock_guard lock(mutex_);
  slots.swap(slots_);
  recent_.clear();
}

// Forgets the objects that nobody holds any more.
void OpenFiles::sweep() {
  if (slots_.size() < sweep_at_) return;
  std::erase_if(slots_, [](const auto& slot) { return slot.second.file.expired(); });
  sweep_at_ = std::max<std::size_t>(1'024, 2 * slots_.size());
}

}  // namespace lazymirror
