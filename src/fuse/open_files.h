// SPDX-License-Identifier: Apache-2.0
//
// The open files of the passthrough strategy. Complete files are registered
// with the kernel, which then reads from the cache's file itself.
//
// Rules of the kernel (each tried on 6.18): while a passthrough open of an
// inode lives, every other open of it must be passthrough with the same
// backing id; while a cached open or its mapping lives, a passthrough open
// fails. It raises these errors after our answer, so they must not be provoked:
// a node's first open decides for all that overlap it, one id is shared and
// counted per handle, and a node that was once opened the ordinary way stays
// ordinary, because its mappings cannot be seen from here.
//
// RELEASE comes late, so the counts are upper bounds, which is safe.
//
// Threads: all members are safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>

#include "engine/engine.h"
#include "fuse/libfuse.h"
#include "fuse/node_table.h"

namespace lazymirror::fuse {

class OpenFiles {
 public:
  explicit OpenFiles(NodeTable& nodes) : nodes_(nodes) {}

  struct Opened {
    std::uint64_t handle = 0;
    int backing_id = 0;  // 0: the kernel asks us for the bytes
  };
  // `passthrough`: use it if the kernel lets us. `request` is the OPEN.
  [[nodiscard]] Opened open(fuse_req_t request, NodeId node, std::shared_ptr<File> file,
                            bool passthrough);
  // Nothing for a handle that is not open.
  [[nodiscard]] std::shared_ptr<File> find(std::uint64_t handle) const;
  // The file that has been closed, if no other handle of its node is left.
  std::shared_ptr<File> release(fuse_req_t request, std::uint64_t handle);

 private:
  struct Handle {
    std::shared_ptr<File> file;  // keeps the generation readable
    std::shared_ptr<void> open;  // and its bytes in the cache
    NodeId node = 0;
    bool passthrough = false;
  };
  struct Backing {
    int id = 0;
    unsigned handles = 0;
  };
  [[nodiscard]] int share_backing(NodeId node);
  [[nodiscard]] int make_backing(fuse_req_t request, NodeId node, File& file);
  void note_refusal(int error);

  NodeTable& nodes_;
  mutable std::mutex mutex_;  // held across the (non-blocking) ioctls of libfuse: leaf otherwise
  std::uint64_t next_handle_ = 1;
  std::unordered_map<std::uint64_t, Handle> handles_;
  std::unordered_map<NodeId, unsigned> open_;  // handles
  std::unordered_map<NodeId, Backing> backings_;
  std::set<int> refusals_;  // errnos logged already
};

}  // namespace lazymirror::fuse
