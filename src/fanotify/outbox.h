// SPDX-License-Identifier: Apache-2.0
//
// What the worker tells its keeper. After silence() nothing more is said: what
// waits then is the keeper's.
//
// Threads: safe from any thread; may block for as long as the keeper is busy.
#pragma once

#include <atomic>
#include <string>

#include "engine/engine.h"
#include "fanotify/wire.h"

namespace lazymirror::fanotify {

class Outbox {
 public:
  explicit Outbox(Channel& channel) : channel_(channel) {}

  void answer(Ticket ticket, int error) { send({ToKeeper::Kind::answer, error, ticket, 0, {}}); }
  // It is not done yet, but getting on: its reader may wait as long again.
  void progress(Ticket ticket) { send({ToKeeper::Kind::progress, 0, ticket, 0, {}}); }
  void set_trap(EntryId entry, const std::string& path) {
    send({ToKeeper::Kind::set_trap, 0, 0, entry, path});
  }
  void untrap(EntryId entry, int error) { send({ToKeeper::Kind::untrap, error, 0, entry, {}}); }
  void pong() { send({ToKeeper::Kind::pong, 0, 0, 0, {}}); }
  void pause(Ticket ticket) { send({ToKeeper::Kind::pause, 0, ticket, 0, {}}); }
  void resume() { send({ToKeeper::Kind::resume, 0, 0, 0, {}}); }
  void ready() { send({ToKeeper::Kind::ready, 0, 0, 0, {}}); }

  void silence() { silent_ = true; }

 private:
  // That the keeper is gone, the receiving side finds out.
  void send(const ToKeeper& message) {
    if (!silent_) (void)channel_.send(message);
  }

  Channel& channel_;
  std::atomic<bool> silent_{false};
};

}  // namespace lazymirror::fanotify
