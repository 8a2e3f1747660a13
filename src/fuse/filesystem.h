// SPDX-License-Identifier: Apache-2.0
//
// What all operations of one mount share, and the table of them for libfuse.
//
// Ownership: held by the mount and by every completion under way, so that an
// engine that answers late finds its memory. What such a completion may still
// touch after the mount's end is its Ticket only.
#pragma once

#include <atomic>
#include <memory>

#include "base/log_limit.h"
#include "base/worker_pool.h"
#include "engine/engine.h"
#include "fuse/attributes.h"
#include "fuse/libfuse.h"
#include "fuse/node_table.h"
#include "fuse/open_files.h"
#include "fuse/recent_files.h"
#include "fuse/reply.h"

namespace lazymirror::fuse {

struct FilesystemOptions {
  Duration timeout{};     // of a system call that waits for the network
  double valid_s = 0;     // how long the kernel may believe names and attributes
  double negative_s = 0;  // and that a name does not exist
  Appearance appearance;
  bool want_passthrough = false;
  std::uint32_t backing_depth = 0;  // of the cache's file system
};

struct Filesystem : std::enable_shared_from_this<Filesystem> {
  Filesystem(Engine& e, FilesystemOptions o)
      : engine(e),
        options(o),
        valid_s(o.valid_s),
        negative_s(o.negative_s),
        opens(nodes),
        outstanding([&e](WaiterId id) { e.cancel(id); }) {}

  Engine& engine;
  const FilesystemOptions options;
  // Those of the options, or what was set since. None at the start stays none:
  // the kernel does without some requests where it may believe at all.
  std::atomic<double> valid_s, negative_s;
  NodeTable nodes;
  OpenFiles opens;
  RecentFiles recent;  // read without an open
  Outstanding outstanding;
  LogLimit failures;
  // Where replies with file contents are made when an engine thread has brought
  // them. Who hands a job over holds it meanwhile: the job may be done, and with
  // it the mount, before the call has returned. Alive while a Reply is.
  std::weak_ptr<WorkerPool> repliers;

  // Settled while the kernel and we agree on features, before any other request.
  std::atomic<bool> passthrough = false;
  std::atomic<bool> can_omit_open = false;
  std::atomic<bool> can_omit_opendir = false;

  [[nodiscard]] RequestContext context() const {
    return {.deadline = std::chrono::steady_clock::now() + options.timeout};
  }
  // Where nothing may be believed without asking, no listing may either: what
  // tells the kernel of a change comes a moment after the answer that showed it.
  [[nodiscard]] bool keeps_listings() const { return options.valid_s > 0; }
  // The node that the kernel gets for an entry. Only passthrough tells partial
  // and complete apart.
  [[nodiscard]] Attributes form(Attributes attributes) const {
    if (!passthrough) attributes.complete = false;
    return attributes;
  }
  void forget(NodeId node, std::uint64_t lookups) {
    nodes.forget(node, lookups);
    if (!nodes.find(node)) recent.drop(node);
  }
  // Logs a failure that a system call is about to return; the errno for it.
  [[nodiscard]] int logged_errno(const char* operation, EntryId entry, const Error& error);
  [[nodiscard]] fuse_entry_param entry(const Attributes& attributes, NodeId node) const;
};

// True on the threads that serve the kernel: a completion that runs there may
// do its work at once.
void mark_serving_thread();
[[nodiscard]] bool is_serving_thread();

// Operations that are more than decode, call, reply.
void start_directory_read(Filesystem& fs, Reply reply, NodeId node, std::size_t size,
                          std::uint64_t position, bool plus);
// `attributes`: of the node. `file` may be null: the kernel has opened it by itself.
void start_read(Filesystem& fs, Reply reply, NodeId node, const Attributes& attributes,
                std::shared_ptr<File> file, std::size_t size, std::uint64_t offset);

// For fuse_session_new(); its user data is the Filesystem.
[[nodiscard]] fuse_lowlevel_ops make_operations();

}  // namespace lazymirror::fuse
