// SPDX-License-Identifier: Apache-2.0
//
// The keeper's traps: who is caught, what the worker asks for.

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/log.h"

#include "fanotify/keeper.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kTidyEvery{1'000};

bool is_directory(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

TrapHandles Keeper::trap_handles() const { return traps_ ? traps_->handles() : TrapHandles{}; }

void Keeper::take_walks() {
  if (!traps_ || !is_in_charge_) return;
  for (const Traps::Caught& caught : traps_->read()) {
    const auto until = clock_.now() + times_.timeout + times_.grace;
    if (!outstanding_.add_walk(caught.key, until)) continue;
    ToWorker message;
    message.kind = ToWorker::Kind::trapped;
    message.entry = caught.key;
    message.pid = caught.pid;
    send(message);
  }
}

void Keeper::finish_walk(std::uint64_t entry, int error) {
  outstanding_.take_walk(entry);
  if (!traps_) return;
  if (const auto r = traps_->release(entry, error); !r) {
    log::error("fanotify: {}", r.error().message);
  }
}

void Keeper::carry_out(TrapOrder order) {
  trap_orders_.push_back(std::move(order));
  carry_out_trap_orders();
}

void Keeper::tell_of_trap(ToWorker::Kind kind, std::uint64_t entry, int error) {
  ToWorker message;
  message.kind = kind;
  message.entry = entry;
  message.error = error;
  send(message);
}

void Keeper::carry_out_trap_orders() {
  if (state_ != State::serving) return;
  while (!trap_orders_.empty()) {
    const TrapOrder& order = trap_orders_.front();
    if (!order.path) {
      let_on(order);
    } else if (!set_trap(order)) {
      return;
    }
    trap_orders_.pop_front();
  }
  if (!is_open_) open();
}

// Who has a directory open walks into its children: not before the traps there,
// which were asked for before. Until then he is outstanding like any other: he is
// denied when he has waited too long, and told of to the next worker.
void Keeper::answer(Ticket ticket, int error) {
  if (error != 0 || !has_to_wait(ticket)) return finish(ticket, error);
  trap_orders_.push_back({0, {}, 0, ticket});
}

bool Keeper::has_to_wait(Ticket ticket) const {
  if (trap_orders_.empty()) return false;
  const Event* event = outstanding_.find(ticket);
  return event != nullptr && is_directory(event->fd.get());
}

void Keeper::let_on(const TrapOrder& order) {
  if (order.opener != 0) return finish(order.opener, 0);
  finish_walk(order.entry, order.error);
}

// Of a worker that is gone: the next one asks for nothing that it was told of.
void Keeper::carry_out_last_orders() {
  for (const TrapOrder& order : std::exchange(trap_orders_, {})) {
    if (state_ != State::serving) return;
    if (!order.path) {
      let_on(order);
    } else if (try_trap(order) != 0) {
      return;  // who waits above it is told of to the next worker
    }
  }
}

// False: as soon as the worker has read what it was sent. See hand_over().
bool Keeper::set_trap(const TrapOrder& order) {
  flush();
  if (!outbox_.empty() || channel_full_) return false;
  const int error = try_trap(order);
  if (channel_full_) return false;
  tell_of_trap(ToWorker::Kind::trap_set, order.entry, error);
  return true;
}

int Keeper::try_trap(const TrapOrder& order) {
  if (!traps_) return EOPNOTSUPP;
  if (traps_->has(order.entry)) return 0;  // for a worker before
  if (traps_->count() >= parts_.max_traps) return ENOSPC;
  std::uint64_t handed_over = 0;
  const auto set = traps_->set(order.entry, *order.path, [&](std::uint64_t device, int control) {
    handed_over = device;
    return hand_over(device, control);
  });
  if (set) return 0;
  if (handed_over != 0) tell_of_trap(ToWorker::Kind::trap_gone, handed_over);
  log::debug("fanotify: {}", set.error().message);
  return set.error().os_errno != 0 ? set.error().os_errno : EIO;
}

// If this process is killed the worker ends the walks into the trap, for which
// it needs the trap before anybody is caught. A worker that is to come inherits it.
bool Keeper::hand_over(std::uint64_t device, int control) {
  if (!worker_) return true;
  ToWorker message;
  message.kind = ToWorker::Kind::trap_made;
  message.entry = device;
  const auto sent = worker_->channel().send(message, control);
  channel_full_ = !sent && sent.error().code == Errc::busy;
  return !channel_full_;
}

void Keeper::tidy(SteadyTime now) {
  next_tidy_ = now + kTidyEvery;
  if (parts_.beat) parts_.beat();
  if (!traps_ || !is_in_charge_) return;
  for (const std::uint64_t device : traps_->tidy(now)) {
    tell_of_trap(ToWorker::Kind::trap_gone, device);
  }
}

}  // namespace lazymirror::fanotify
