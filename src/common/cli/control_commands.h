// SPDX-License-Identifier: Apache-2.0
//
// What a running tree does when it is asked over its control socket, and how
// to ask. Each request is {"command":NAME, ...} with, where it is about a name,
// "path":"a/b%20c" below the root ("" is the root):
//   status             ->  report_message() and what ServedTree says
//   metrics            ->  {"ok":true,"text":"# HELP ..."}
//   ls path            ->  {"progress":{"names":[name_message()...]}}..., {"ok":true}
//   info path          ->  entry_message()
//   evict path [recursive]  ->  {"ok":true,"files":2,"bytes":4096,"busy":0,"pinned":0}
//   unpin path         ->  {"ok":true}
//   fetch, refresh, verify, pin: see job_handlers.h
//   offline, online    ->  {"ok":true}
//   reload [text]      ->  {"ok":true,"changed":[...],"restart":[...]}
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/reload.h"
#include "control/message.h"
#include "control/server.h"
#include "engine/engine.h"

namespace lazymirror::cli {

[[nodiscard]] std::string control_socket(const std::string& cache_directory);

// The request of a command about a path.
[[nodiscard]] control::Message path_request(const std::string& command, const std::string& path);

// What a tree that is served tells of itself, and what it can do besides its
// engine's.
struct ServedTree {
  Engine& engine;
  std::string mode;  // "mount", "watch"
  std::string url;
  std::string cache_directory;
  std::vector<std::string> shown_at;
  std::string mechanism, reason;  // of `status`: how files are read
  pid_t pid = 0;                  // of the process that was started
  std::int64_t started_ns = 0;    // wall time
  // Gives a file's bytes back.
  std::function<Result<>(EntryId)> evict;
  Reload* reload = nullptr;
  // Told before it is so.
  std::function<void(bool offline)> note_offline = nullptr;
};

// Called on several threads at once; what is named in `tree` must outlive them.
[[nodiscard]] control::Handlers control_handlers(const ServedTree& tree);

// Serves the socket of the cache. A tree without one is still a tree: nothing,
// after a warning.
[[nodiscard]] std::shared_ptr<control::ControlServer> serve_control(const ServedTree& tree);

}  // namespace lazymirror::cli
