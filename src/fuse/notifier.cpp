// SPDX-License-Identifier: Apache-2.0
#include "fuse/notifier.h"

#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/worker_pool.h"

namespace lazymirror::fuse {

void Notifier::start(fuse_session* session) {
  thread_ = std::thread([this, session] {
    name_this_thread("lm-notify");
    run(session);
  });
}

void Notifier::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  wake_.notify_all();
  const std::lock_guard lock(stop_mutex_);
  if (thread_.joinable()) thread_.join();
}

// What the kernel has never looked up it cannot have cached.
void Notifier::entry_changed(EntryId directory, const std::string& name, EntryId id) {
  if (nodes_.knows(id)) push({Kind::forget_name, directory, name});
}

void Notifier::directory_changed(EntryId directory) { push({Kind::forget_listing, directory, {}}); }

void Notifier::file_completed(EntryId directory, const std::string& name, EntryId id) {
  if (!complete_is_another_node_ || !nodes_.knows_partial(id)) return;
  push({Kind::expire_name, directory, name});
}

// Who opens the name next gets the partial node.
void Notifier::file_evicted(EntryId directory, const std::string& name, EntryId id) {
  if (!complete_is_another_node_ || !nodes_.knows_complete(id)) return;
  push({Kind::expire_name, directory, name});
}

void Notifier::push(Notice notice) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(notice));
  }
  wake_.notify_one();
}

void Notifier::run(fuse_session* session) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const Notice notice = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    send(session, notice);
    lock.lock();
  }
}

void Notifier::send(fuse_session* session, const Notice& notice) const {
  const auto directory = nodes_.find_directory(notice.directory);
  if (!directory) return;
  int err = 0;
  switch (notice.kind) {
    case Kind::forget_name:
      err = fuse_lowlevel_notify_inval_entry(session, *directory, notice.name.c_str(),
                                             notice.name.size());
      break;
    case Kind::expire_name: err = expire_entry(session, *directory, notice.name); break;
    case Kind::forget_listing:  // the pages of a directory's inode are its cached listing
      err = fuse_lowlevel_notify_inval_inode(session, *directory, 0, 0);
      break;
  }
  // -ENOENT: the kernel has dropped it by itself; -ENODEV, -ENOTCONN: unmounted.
  if (err != 0 && err != -ENOENT && err != -ENODEV && err != -ENOTCONN) {
    log::debug("fuse: notification failed: {}", std::strerror(-err));
  }
}

}  // namespace lazymirror::fuse
