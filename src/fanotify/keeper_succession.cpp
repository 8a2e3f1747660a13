// SPDX-License-Identifier: Apache-2.0
//
// From one keeper to the next, which finds what a keeper has when its worker
// has just ended.
#include <fcntl.h>

#include <utility>

#include "base/log.h"
#include "fanotify/keeper.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kUntilSigterm{60'000};  // from SIGUSR1 to what it announces

UniqueFd copy_of(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

Event copy_of(const Event& event) {
  return {event.kind, copy_of(event.fd.get()), event.offset, event.count, event.pid};
}

}  // namespace

// --- the one that leaves ---

void Keeper::expect_restart() {
  if (parts_.may_leave) restart_expected_until_ = clock_.now() + kUntilSigterm;
}

bool Keeper::restart_is_expected() const {
  return state_ == State::serving && is_open_ && clock_.now() < restart_expected_until_;
}

// Who comes from now on waits in the kernel's queue, or in a trap.
void Keeper::begin_to_leave() {
  log::info("fanotify: leaving the tree to the next keeper; {} readers wait for it",
            outstanding_.events());
  has_left_ = true;
  is_in_charge_ = false;
  state_ = State::stopping;
  stop_deadline_ = clock_.now() + times_.stop;
  if (!worker_) {
    state_ = State::done;
    return;
  }
  outbox_.clear();
  ToWorker message;
  message.kind = ToWorker::Kind::stop;
  send(message);
}

void Keeper::copy_to(Estate& estate) const {
  if (traps_) estate.traps = traps_->copy();
  for (const Ticket ticket : outstanding_.tickets()) {
    const Event& event = *outstanding_.find(ticket);
    estate.numbers.push_back(event.fd.get());
    estate.events.push_back(copy_of(event));
  }
}

void Keeper::let_go() {
  if (traps_) traps_->leave();
}

// --- the one that comes ---

void Keeper::take_over(std::unique_ptr<Traps> traps, std::vector<Event> events, Refusal refusal) {
  is_in_charge_ = false;
  traps_ = std::move(traps);
  inherited_ = std::move(events);
  refusal_ = std::move(refusal);
}

bool Keeper::waits_to_enter() const { return state_ == State::starting && !is_in_charge_; }

void Keeper::take_refusal() {
  if (!waits_to_enter() || !refusal_.is_there()) return;
  begin_stop(fail(Errc::unreachable, "the keeper before does not hand over what it left"));
}

void Keeper::enter() {
  is_in_charge_ = true;
  if (traps_) traps_->enter();
  const auto until = clock_.now() + times_.timeout + times_.grace;
  for (Event& event : std::exchange(inherited_, {})) {
    const Ticket ticket = outstanding_.add(std::move(event), until);
    send(message_of(ticket, *outstanding_.find(ticket)));
  }
}

}  // namespace lazymirror::fanotify
