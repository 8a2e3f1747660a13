// SPDX-License-Identifier: Apache-2.0
#include "cache/file_table.h"

#include <algorithm>

namespace lazymirror {

std::shared_ptr<DataFile> FileTable::find(EntryId id) {
  Strong dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return nullptr;
  auto file = slot->second.file.lock();
  return file ? touch(slot->second, std::move(file), dropped) : nullptr;
}

std::shared_ptr<DataFile> FileTable::insert(std::shared_ptr<DataFile> file) {
  Strong dropped;
  const std::lock_guard lock(mutex_);
  sweep();
  auto [slot, fresh] = slots_.try_emplace(file->id(), Slot{{}, recent_.end()});
  if (auto other = slot->second.file.lock()) return touch(slot->second, std::move(other), dropped);
  slot->second.file = file;
  return touch(slot->second, std::move(file), dropped);
}

// REQUIRES: the lock is held.
std::shared_ptr<DataFile> FileTable::touch(Slot& slot, std::shared_ptr<DataFile> file,
                                           Strong& dropped) {
  if (slot.recent != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, slot.recent);
    return file;
  }
  recent_.push_front(file);
  slot.recent = recent_.begin();
  if (recent_.size() > kept_) {
    const auto oldest = std::prev(recent_.end());
    slots_.at((*oldest)->id()).recent = recent_.end();
    dropped.splice(dropped.begin(), recent_, oldest);
  }
  return file;
}

// Forgets slots whose objects are gone; now and then, so that it costs little.
void FileTable::sweep() {
  if (slots_.size() < sweep_at_) return;
  std::erase_if(slots_, [](const auto& item) { return item.second.file.expired(); });
  sweep_at_ = std::max<std::size_t>(1024, 2 * slots_.size());
}

void FileTable::retire(EntryId id) {
  std::shared_ptr<DataFile> file;
  Strong dropped;
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return;
  file = slot->second.file.lock();
  if (file) file->retire();
  if (slot->second.recent != recent_.end()) {
    dropped.splice(dropped.begin(), recent_, slot->second.recent);
  }
  slots_.erase(slot);
}

void FileTable::retire_below(const TreePath& directory) {
  retire_if([&](const DataFile& file) {
    const TreePath& path = file.path();
    return path.size() > directory.size() &&
           std::equal(directory.begin(), directory.end(), path.begin());
  });
}

void FileTable::retire_if(const std::function<bool(const DataFile&)>& doomed) {
  std::vector<std::shared_ptr<DataFile>> files;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, slot] : slots_) {
      if (auto file = slot.file.lock()) files.push_back(std::move(file));
    }
  }
  for (const auto& file : files) {
    if (doomed(*file)) retire(file->id());
  }
}

void FileTable::drop_idle() {
  Strong dropped;
  const std::lock_guard lock(mutex_);
  for (auto& [id, slot] : slots_) slot.recent = recent_.end();
  dropped.swap(recent_);
}

}  // namespace lazymirror
