// SPDX-License-Identifier: Apache-2.0
//
// The server's end of one client: reads its lines, has each answered by a
// Request, one after the other, and sends what that has to say.
//
// Not synchronised: of the server's thread. Never blocks but in its destructor
// (see Request).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "control/request.h"

namespace lazymirror::control {

class Conversation {
 public:
  Conversation(UniqueFd socket, const Handlers& handlers, std::shared_ptr<const UniqueFd> wake)
      : socket_(std::move(socket)), handlers_(&handlers), wake_(std::move(wake)) {}

  // For poll(2); -1: nothing more is expected of the client.
  [[nodiscard]] int fd() const { return client_gone_ ? -1 : socket_.get(); }
  [[nodiscard]] short wanted() const;
  // It says nothing and waits for nothing.
  [[nodiscard]] bool is_idle(SteadyTime now) const;

  // Does what can be done now. False: it is over.
  bool step(short events);

 private:
  void receive();
  void take_lines();
  void take_answer();
  void begin(std::string_view line);
  void send();
  void leave();

  UniqueFd socket_;
  const Handlers* handlers_;
  std::shared_ptr<const UniqueFd> wake_;
  std::string in_, out_;
  bool end_of_input_ = false;
  bool client_gone_ = false;
  std::unique_ptr<Request> request_;
  SteadyTime last_ = std::chrono::steady_clock::now();
};

}  // namespace lazymirror::control
