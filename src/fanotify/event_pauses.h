// SPDX-License-Identifier: Apache-2.0
//
// The worker's side of a pause in which the keeper reads no events.
//
// Reading an event opens its file. Where opens are asked for, that meets the
// write lease under which a file is evicted, and the kernel would refuse the
// opener (EPERM) for the keeper's failure. So nothing is read while such a lease
// is held: openers wait in the kernel's queue.
//
// Threads: safe from any thread; one pause at a time, others wait for its end.
// Outlives the worker's parts: when their gate is closed nothing is paused any
// more.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "fanotify/gate.h"
#include "fanotify/outbox.h"

namespace lazymirror::fanotify {

class EventPauses : public std::enable_shared_from_this<EventPauses> {
 public:
  // The gate lets in for as long as the outbox lives.
  EventPauses(Outbox& outbox, std::shared_ptr<Gate> gate)
      : outbox_(outbox), gate_(std::move(gate)) {}

  // Blocks until the keeper has said that it reads no more, at most kPatience.
  // The pause ends with what is returned. Not for the thread that receives
  // the keeper's messages.
  static constexpr Duration kPatience{10'000};
  [[nodiscard]] std::shared_ptr<void> begin();
  void on_paused(Ticket ticket);

 private:
  void end();

  Outbox& outbox_;
  const std::shared_ptr<Gate> gate_;
  std::mutex mutex_;
  std::condition_variable moved_;
  bool paused_ = false;
  Ticket last_ = 0, answered_ = 0;
};

}  // namespace lazymirror::fanotify
