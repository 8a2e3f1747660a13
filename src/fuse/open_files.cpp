// SPDX-License-Identifier: Apache-2.0
#include "fuse/open_files.h"

#include <cstring>

#include "base/log.h"

namespace lazymirror::fuse {

OpenFiles::Opened OpenFiles::open(fuse_req_t request, NodeId node, std::shared_ptr<File> file,
                                  bool passthrough) {
  int id = 0;
  auto held = file->hold_open();
  if (passthrough) {
    id = share_backing(node);
    if (id == 0 && !nodes_.is_marked(node, NodeTable::Mark::ordinary)) {
      id = make_backing(request, node, *file);
    }
    if (id == 0) nodes_.mark(node, NodeTable::Mark::ordinary);
  }
  const std::lock_guard lock(mutex_);
  const std::uint64_t handle = next_handle_++;
  handles_.emplace(handle, Handle{std::move(file), std::move(held), node, id != 0});
  ++open_[node];
  return {handle, id};
}

// The id of a live passthrough open, counted once more; 0 if there is none.
int OpenFiles::share_backing(NodeId node) {
  const std::lock_guard lock(mutex_);
  const auto it = backings_.find(node);
  if (it == backings_.end()) return 0;
  ++it->second.handles;
  return it->second.id;
}

int OpenFiles::make_backing(fuse_req_t request, NodeId node, File& file) {
  const Result<UniqueFd> fd = file.backing_fd();
  if (!fd) {
    log::debug("fuse: no backing file for passthrough: {}", fd.error().message);
    return 0;
  }
  int error = 0;
  {
    // Two first opens at once must not register two ids.
    const std::lock_guard lock(mutex_);
    Backing& backing = backings_[node];
    if (backing.id == 0) backing.id = register_backing(request, fd->get());
    if (backing.id > 0) {
      ++backing.handles;
      return backing.id;
    }
    error = errno;
    backings_.erase(node);
  }
  note_refusal(error);
  return 0;
}

void OpenFiles::note_refusal(int error) {
  {
    const std::lock_guard lock(mutex_);
    if (!refusals_.insert(error).second) return;
  }
  log::warn(
      "fuse: the kernel refuses passthrough to the cache ({}); such files are read "
      "through the daemon",
      std::strerror(error));
}

std::shared_ptr<File> OpenFiles::find(std::uint64_t handle) const {
  const std::lock_guard lock(mutex_);
  const auto it = handles_.find(handle);
  return it == handles_.end() ? nullptr : it->second.file;
}

std::shared_ptr<File> OpenFiles::release(fuse_req_t request, std::uint64_t handle) {
  std::shared_ptr<File> file;  // closed after the lock, as is
  std::shared_ptr<void> held;
  const std::lock_guard lock(mutex_);
  const auto it = handles_.find(handle);
  if (it == handles_.end()) return nullptr;
  const NodeId node = it->second.node;
  file = std::move(it->second.file);
  held = std::move(it->second.open);
  if (it->second.passthrough) {
    const auto backing = backings_.find(node);
    if (--backing->second.handles == 0) {
      unregister_backing(request, backing->second.id);
      backings_.erase(backing);
    }
  }
  handles_.erase(it);
  if (--open_[node] > 0) return nullptr;
  open_.erase(node);
  return file;
}

}  // namespace lazymirror::fuse
