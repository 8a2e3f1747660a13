// SPDX-License-Identifier: Apache-2.0
//
// What a running watch does when it is asked over its control socket, and how
// to ask.
//   {"command":"evict","path":"a/b%20c"}  ->  {"ok":true}
//   {"command":"status"}  ->  {"ok":true,"source":"http://...","mode":"in place",
//                              "pid":17,"worker_pid":18,"entries":1000,
//                              "bytes_total":...,"bytes_free":...,"bytes_available":...}
#pragma once

#include <string>

#include "control/message.h"
#include "control/server.h"
#include "engine/engine.h"
#include "fanotify/evictor.h"

namespace lazymirror::cli {

[[nodiscard]] std::string control_socket(const std::string& cache_directory);

[[nodiscard]] control::Message evict_request(const std::string& path);

// The handlers are called on another thread; engine and evictor must outlive
// them.
[[nodiscard]] control::Handlers control_handlers(Engine& engine, fanotify::Evictor& evictor,
                                                 const std::string& source);

}  // namespace lazymirror::cli
