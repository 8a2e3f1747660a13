// SPDX-License-Identifier: Apache-2.0
#include "fanotify/event_pauses.h"

#include <algorithm>

namespace lazymirror::fanotify {

std::shared_ptr<void> EventPauses::begin() {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [&] { return !paused_; });
  paused_ = true;
  const Ticket ticket = ++last_;
  lock.unlock();
  // Any pointer that is not null: what counts is its end.
  std::shared_ptr<void> pause(this, [self = shared_from_this()](void*) { self->end(); });
  bool asked = false;
  gate_->function([&] {
    outbox_.pause(ticket);
    asked = true;
  })();
  lock.lock();
  if (asked) (void)moved_.wait_for(lock, kPatience, [&] { return answered_ == ticket; });
  return pause;
}

void EventPauses::on_paused(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  answered_ = std::max(answered_, ticket);
  moved_.notify_all();
}

void EventPauses::end() {
  gate_->function([&] { outbox_.resume(); })();
  const std::lock_guard lock(mutex_);
  paused_ = false;
  moved_.notify_all();
}

}  // namespace lazymirror::fanotify
