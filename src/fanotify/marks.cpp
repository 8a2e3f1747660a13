// SPDX-License-Identifier: Apache-2.0
#include "fanotify/marks.h"

#include <fcntl.h>

#include "base/log.h"

namespace lazymirror::fanotify {
namespace {

void log_failure(const Result<>& done) {
  if (!done) log::debug("fanotify: {}", done.error().message);
}

}  // namespace

// --- guards ---

Result<> PlacementGuards::before_file(int fd) {
  if (const Result<> heeded = group_.heed_file(fd); !heeded || !files_) return heeded;
  return group_.guard_file(fd, pauses_ != nullptr);
}

std::shared_ptr<void> PlacementGuards::before_lease(int fd) {
  if (pauses_) return pauses_->begin();
  return holds_ ? holds_->begin(fd) : nullptr;
}

Result<> PlacementGuards::before_directory(int fd) {
  log_failure(group_.heed_directory(fd));
  return group_.guard_directory(fd);
}

// --- files ---

void mark_complete(InPlace& tree, Group& group, bool inode_guards, int fd, EntryId id) {
  tree.if_complete(id, [&] {
    const auto identity = tree.identify(fd);
    if (!identity || !*identity || (*identity)->id != id || !(*identity)->current) return;
    // The guard goes first: the kernel refuses an evictable mark over it.
    if (inode_guards) log_failure(group.unguard_file(fd));
    log_failure(group.ignore_file(fd));
  });
}

void mark_complete(InPlace& tree, Group& group, bool inode_guards, EntryId id) {
  tree.if_complete(id, [&] {
    const auto fd = tree.open(id, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (fd) mark_complete(tree, group, inode_guards, fd->get(), id);
  });
}

// --- directories ---

void DirectoryMarks::set_fresh(int fd, EntryId id) {
  const Duration fresh_for = parts_.tree.fresh_for(id);
  if (fresh_for <= Duration(0)) return;
  log_failure(parts_.group.unguard_directory(fd));
  log_failure(parts_.group.ignore_directory(fd));
  arm(id, fresh_for);
  if (!parts_.tree.is_fresh(id)) set_stale(id);
}

void DirectoryMarks::arm(EntryId id, Duration fresh_for) {
  const TimerId timer = parts_.timers.run_after(fresh_for, parts_.gate.function([this, id] {
    parts_.pool.run([this, id] { set_stale(id); });
  }));
  const TimerId old =
      expiries_.with([&](auto& expiries) { return std::exchange(expiries[id], timer); });
  if (old != 0) parts_.timers.cancel(old);
}

TimerId DirectoryMarks::disarm(EntryId id) {
  return expiries_.with([&](auto& expiries) {
    const auto node = expiries.extract(id);
    return node ? node.mapped() : TimerId{0};
  });
}

void DirectoryMarks::set_stale(EntryId id) {
  const TimerId timer = disarm(id);
  if (timer == 0) return;  // not ignored
  parts_.timers.cancel(timer);
  const auto fd = parts_.tree.open(id, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (fd) log_failure(parts_.group.heed_directory(fd->get()));
}

}  // namespace lazymirror::fanotify
