// SPDX-License-Identifier: Apache-2.0
//
// The control socket of a running tree. Root and the user that this process
// runs as may talk to it.
//
// Threads: one of its own ("lm-control") and one more for each request under way
// ("lm-request"), on which its handler runs: a long one keeps nobody else
// waiting. Requests of one client are answered one after the other. Owns the
// socket, whose file goes when the server does; that of a killed server is
// replaced.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_function.h"
#include "control/message.h"

namespace lazymirror::control {

// Who has asked, for as long as the handler runs. Safe from any thread.
class Asker {
 public:
  virtual ~Asker() = default;
  // A line {"progress": what} before the answer. Never blocks. False: he has
  // gone away, or does not read; nothing need be done for him any more.
  virtual bool tell(const Message& what) = 0;
  // Waits until most of what he was told is on its way, so that a long answer
  // does not gather here. False: he has gone.
  virtual bool wait_for_room() = 0;
  [[nodiscard]] virtual bool has_gone() const = 0;
  // `leave` is called once when he goes away, or when the server stops: at once
  // if he has gone already, else on the server's thread. Not any more once the
  // result is let go, which waits for a call that is under way.
  [[nodiscard]] virtual std::shared_ptr<void> when_gone(UniqueFunction<void()> leave) = 0;
};

// The last line of the answer to a request; an error becomes error_message().
// May block; should end soon when the asker has gone.
using Handler = std::function<Result<Message>(const Message& request, Asker& asker)>;
using Handlers = std::map<std::string, Handler, std::less<>>;  // by "command"

class ControlServer {
 public:
  // Errc::denied and the like: the socket cannot be made. Starts a thread.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> start(const std::string& path,
                                                                    Handlers handlers);
  // Everybody has gone then; waits for the handlers that are running.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct Impl;
  explicit ControlServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::control
