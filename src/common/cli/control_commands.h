// SPDX-License-Identifier: Apache-2.0
//
// What a running tree does when it is asked over its control socket, and how
// to ask.
//   {"command":"evict","path":"a/b%20c"}  ->  {"ok":true}
//   {"command":"status"}  ->  {"ok":true,"source":"http://...","mode":"watch",
//                              "pid":17,"worker_pid":18,"entries":1000,
//                              "bytes_total":...,"bytes_free":...,"bytes_available":...}
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "control/message.h"
#include "control/server.h"
#include "engine/engine.h"

namespace lazymirror::cli {

[[nodiscard]] std::string control_socket(const std::string& cache_directory);

[[nodiscard]] control::Message evict_request(const std::string& path);

// What a tree that is served tells of itself, and what it can do besides its
// engine's.
struct ServedTree {
  Engine& engine;
  std::string mode;  // "mount", "watch"
  std::string source;
  std::string cache_directory;
  pid_t pid = 0;  // of the process that was started
  std::function<Result<>(EntryId)> evict;
};

// Called on several threads at once; what is named in `tree` must outlive them.
[[nodiscard]] control::Handlers control_handlers(const ServedTree& tree);

// Serves the socket of the cache. A tree without one is still a tree: nothing,
// after a warning.
[[nodiscard]] std::shared_ptr<control::ControlServer> serve_control(const ServedTree& tree);

}  // namespace lazymirror::cli
