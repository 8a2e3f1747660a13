// SPDX-License-Identifier: Apache-2.0
//
// The control socket of a running tree. Root and the user that this process
// runs as may talk to it.
//
// Threads: one of its own ("lm-control"), on which the handlers run, one after
// the other. Owns the socket, whose file goes when the server does; that of a
// killed server is replaced.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/message.h"

namespace lazymirror::control {

// The answer to a request; an error becomes {"error": its sentence}. May take a
// while, but not wait for the network: others wait behind it.
using Handler = std::function<Result<Message>(const Message& request)>;
using Handlers = std::map<std::string, Handler, std::less<>>;  // by "command"

class ControlServer {
 public:
  // Errc::denied and the like: the socket cannot be made. Starts a thread.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> start(const std::string& path,
                                                                    Handlers handlers);
  // Waits for the handler that is running.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct Impl;
  explicit ControlServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::control
