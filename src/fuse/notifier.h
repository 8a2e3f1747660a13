// SPDX-License-Identifier: Apache-2.0
//
// Tells the kernel what it must not believe any longer. The writes happen on a
// thread of their own: the kernel takes the directory's lock for them, which a
// process may hold that waits for one of our answers.
//
// Threads: the ChangeListener part may be called from any thread and never
// blocks. start() and stop() belong to the mount.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "engine/engine.h"
#include "fuse/libfuse.h"
#include "fuse/node_table.h"

namespace lazymirror::fuse {

class Notifier final : public ChangeListener {
 public:
  explicit Notifier(const NodeTable& nodes) : nodes_(nodes) {}
  ~Notifier() override { stop(); }

  void start(fuse_session* session);
  void stop();  // drops what is queued; returns when the thread has ended

  // Whether a completed file needs another node (the passthrough strategy).
  void set_complete_is_another_node(bool value) { complete_is_another_node_ = value; }

  void entry_changed(EntryId directory, const std::string& name, EntryId id) override;
  void directory_changed(EntryId directory) override;
  void file_completed(EntryId directory, const std::string& name, EntryId id) override;
  void file_evicted(EntryId directory, const std::string& name, EntryId id) override;
  void listed_ahead(EntryId) override {}  // the kernel asks, and finds it

 private:
  enum class Kind { forget_name, expire_name, forget_listing };
  struct Notice {
    Kind kind;
    EntryId directory;
    std::string name;
  };
  void push(Notice notice);
  void run(fuse_session* session);
  void send(fuse_session* session, const Notice& notice) const;

  const NodeTable& nodes_;
  std::atomic<bool> complete_is_another_node_ = false;
  std::mutex mutex_;  // leaf
  std::condition_variable wake_;
  std::deque<Notice> queue_;
  bool stopping_ = false;
  std::mutex stop_mutex_;  // around the join
  std::thread thread_;
};

}  // namespace lazymirror::fuse
