// SPDX-License-Identifier: Apache-2.0
#include "fanotify/keeper.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/file_limit.h"
#include "base/log.h"

namespace lazymirror::fanotify {
namespace {

// A worker that hangs is replaced before, which ends the pause; one that has its
// disk busy is given the time.
constexpr Duration kLongestPause{10'000};
constexpr unsigned kStartsBeforeReady = 3;

constexpr std::size_t kReserve = 256;  // descriptors for what is not an event

// How many events may be outstanding. The worker lives under the same limit,
// and has a file of the cache open beside each. Beyond, readers wait in the
// kernel's queue instead of being refused for want of a descriptor.
std::size_t event_limit() {
  const std::size_t limit = file_limit();
  return (limit - std::min(kReserve, limit / 2)) / 2;
}

int milliseconds_until(SteadyTime moment, SteadyTime now) {
  if (moment <= now) return 0;
  // One more: poll(2) must not wake before the moment.
  const auto left = std::chrono::duration_cast<Duration>(moment - now).count() + 1;
  return static_cast<int>(std::min<Duration::rep>(left, 60'000));
}

enum Source : std::size_t {
  kSignals,
  kEvents,
  kWalks,
  kChannel,
  kFiles,
  kWorker,
  kRefusal,
  kSources
};

}  // namespace

Keeper::Keeper(Group& group, UniqueFd signals, KeeperTimes times, KeeperParts parts)
    : group_(group),
      signals_(std::move(signals)),
      times_(times),
      parts_(std::move(parts)),
      health_(times.health) {}

Result<> Keeper::run() {
  start_worker();
  while (state_ != State::done) {
    wait();
    take_signals();
    take_refusal();
    take_messages();  // before the death: what it answered counts
    take_death();
    take_events();
    take_walks();
    look_after_time();
    flush();
    carry_out_trap_orders();
  }
  worker_.reset();
  if (is_in_charge_) deny_everything();
  return outcome_;
}

// --- the loop ---

std::size_t Keeper::room() const {
  if (!is_in_charge_ || (paused_until_ && state_ == State::serving)) return 0;
  const std::size_t limit = event_limit();
  const std::size_t traps = traps_ ? traps_->count() : 0;  // two descriptors each, here
  return limit - std::min(limit, outstanding_.events() + traps);
}

void Keeper::wait() {
  std::array<pollfd, kSources> fds{};
  fds[kSignals] = {signals_.get(), POLLIN, 0};
  fds[kEvents] = {room() > 0 ? group_.fd() : -1, POLLIN, 0};
  fds[kWalks] = {traps_ && is_in_charge_ ? traps_->fd() : -1, POLLIN, 0};
  fds[kChannel] = {-1, POLLIN, 0};
  fds[kFiles] = {-1, POLLIN, 0};
  fds[kWorker] = {-1, POLLIN, 0};
  fds[kRefusal] = {waits_to_enter() ? refusal_.fd() : -1, POLLIN, 0};
  if (worker_) {
    fds[kWorker].fd = worker_->pidfd();
    fds[kChannel].fd = worker_->channel().fd();
    fds[kFiles].fd = worker_->files().fd();
    if (channel_full_) fds[kChannel].events |= POLLOUT;
  }
  SteadyTime next = std::min(health_.next(), next_tidy_);
  if (const auto deadline = outstanding_.next_deadline()) next = std::min(next, *deadline);
  if (state_ == State::stopping) next = std::min(next, stop_deadline_);
  if (paused_until_) next = std::min(next, *paused_until_);
  (void)::poll(fds.data(), fds.size(), milliseconds_until(next, clock_.now()));
  if (fds[kChannel].revents != 0) channel_full_ = false;
  if (worker_ && (fds[kFiles].revents & POLLIN) != 0) worker_->files().serve();
}

void Keeper::take_signals() {
  signalfd_siginfo signal{};
  if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal) return;
  if (signal.ssi_signo == SIGHUP && parts_.hangup) return parts_.hangup();
  if (signal.ssi_signo == SIGUSR1) return expect_restart();
  if (state_ == State::stopping) {
    stop_deadline_ = clock_.now();  // asked twice: at once
    return;
  }
  if (restart_is_expected()) return begin_to_leave();
  log::info("fanotify: stopping");
  begin_stop({});
}

void Keeper::take_events() {
  const std::size_t wanted = room();
  if (wanted == 0) return;
  auto read = group_.read(wanted);
  if (!read) {
    // Whoever was read then is known by number only.
    group_.deny_numbers_below(static_cast<int>(file_limit()), EIO);
    begin_stop(fail(read.error()));
    return;
  }
  if (read->failed > 0) log::debug("fanotify: the kernel refused {} readers", read->failed);
  for (Event& event : read->events) {
    if (state_ == State::stopping) {
      (void)group_.answer(event.fd.get(), EIO);
      continue;
    }
    const auto until = clock_.now() + times_.timeout + times_.grace;
    const Ticket ticket = outstanding_.add(std::move(event), until);
    send(message_of(ticket, *outstanding_.find(ticket)));
  }
}

void Keeper::take_messages() {
  while (worker_) {
    auto received = worker_->channel().receive_from_worker();
    if (!received) {
      // A worker without a channel is dead, or of no use any more.
      if (received.error().code != Errc::unreachable) {
        log::error("fanotify: {}; it is replaced", received.error().message);
      }
      return worker_->kill();
    }
    if (!*received) return;
    handle(std::move(**received));
  }
}

void Keeper::look_after_time() {
  const SteadyTime now = clock_.now();
  deny_overdue();
  if (now >= next_tidy_) tidy(now);
  if (paused_until_ && now >= *paused_until_) paused_until_.reset();
  if (state_ == State::stopping && now >= stop_deadline_) {
    if (worker_) worker_->kill();
    state_ = State::done;
    return;
  }
  if (state_ == State::stopping) return;
  if (health_.is_start_due(now)) start_worker();
  if (health_.is_hanging(now) && worker_) {
    log::error("fanotify: the worker (process {}) does not answer and is replaced", worker_->pid());
    worker_->kill();
    health_.given_up();
  }
  if (health_.is_ping_due(now)) {
    send(ToWorker{});
    health_.pinged(now);
  }
}

// --- messages of the worker ---

void Keeper::handle(ToKeeper message) {
  const auto until = clock_.now() + times_.timeout + times_.grace;
  switch (message.kind) {
    case ToKeeper::Kind::answer: answer(message.ticket, message.error); break;
    case ToKeeper::Kind::set_trap: carry_out({message.entry, std::move(message.text)}); break;
    case ToKeeper::Kind::untrap: carry_out({message.entry, {}, message.error}); break;
    case ToKeeper::Kind::pong: health_.sign_of_life(clock_.now()); break;
    case ToKeeper::Kind::ready: show(); break;
    case ToKeeper::Kind::failed: worker_failed(std::move(message)); break;
    case ToKeeper::Kind::stopped: break;  // its end comes next
    case ToKeeper::Kind::pause: pause(message.ticket); break;
    case ToKeeper::Kind::resume: paused_until_.reset(); break;
    case ToKeeper::Kind::progress:
      if (message.ticket != 0) outstanding_.extend(message.ticket, until);
      if (message.ticket == 0) outstanding_.extend_walk(message.entry, until);
      break;
  }
}

// A ticket that is not known has been answered already: its reader waited too
// long, or the worker before answered as well.
void Keeper::finish(Ticket ticket, int error) {
  const auto event = outstanding_.take(ticket);
  if (!event) return;
  const auto answered = group_.answer(event->fd.get(), error);
  if (!answered && answered.error().code != Errc::not_found) {
    log::error("fanotify: {}", answered.error().message);
  }
}

// Bounded: readers must not wait for a worker that forgets to go on.
void Keeper::pause(Ticket ticket) {
  paused_until_ = clock_.now() + kLongestPause;
  ToWorker reply;
  reply.kind = ToWorker::Kind::paused;
  reply.ticket = ticket;
  send(reply);
}

void Keeper::show() {
  if (state_ != State::starting) return;
  auto traps = parts_.show();
  if (!traps) return begin_stop(fail(traps.error()));
  state_ = State::serving;
  health_.sign_of_life(clock_.now());
  if (!is_in_charge_) return enter();
  traps_ = std::move(*traps);
  if (traps_) tell_of_trap(ToWorker::Kind::trap_pipe, 0);
}

void Keeper::open() {
  is_open_ = true;
  if (auto opened = parts_.open(); !opened) begin_stop(std::move(opened));
}

void Keeper::worker_failed(ToKeeper message) {
  if (state_ == State::starting) return begin_stop(fail(failure_in(std::move(message))));
  log::error("fanotify: the worker cannot go on: {}", message.text);
}

// --- the worker's life ---

void Keeper::start_worker() {
  const bool first = state_ == State::starting;
  auto started = parts_.start_worker(first && is_in_charge_, trap_handles());
  if (!started) {
    log::error("fanotify: {}", started.error().message);
    if (first) return begin_stop(fail(started.error()));
    health_.started(clock_.now(), false);
    health_.ended(clock_.now());
    return;
  }
  worker_ = std::make_unique<WorkerProcess>(std::move(*started));
  health_.started(clock_.now(), first);
  outbox_.clear();
  channel_full_ = false;
  for (const Ticket ticket : outstanding_.tickets()) {
    send(message_of(ticket, *outstanding_.find(ticket)));
  }
  for (const std::uint64_t entry : outstanding_.walks()) {
    ToWorker message;
    message.kind = ToWorker::Kind::trapped;
    message.entry = entry;
    send(message);
  }
}

void Keeper::take_death() {
  pollfd ended{worker_ ? worker_->pidfd() : -1, POLLIN, 0};
  if (!worker_ || ::poll(&ended, 1, 0) != 1) return;
  take_messages();  // sent between the last look and its end
  const pid_t pid = worker_->pid();
  const std::string how = worker_->reap();
  worker_.reset();
  carry_out_last_orders();
  outbox_.clear();
  paused_until_.reset();
  health_.ended(clock_.now());
  if (state_ == State::stopping) {
    state_ = State::done;
    return;
  }
  log::warn("fanotify: the worker (process {}) {}; {} readers wait for the next one", pid, how,
            outstanding_.events());
  if (state_ == State::starting && health_.failures() >= kStartsBeforeReady) {
    begin_stop(fail(Errc::internal, "the worker " + how + ", again and again"));
  }
}

void Keeper::flush() {
  while (worker_ && !channel_full_ && !outbox_.empty()) {
    const ToWorker& message = outbox_.front();
    const Event* event = outstanding_.find(message.ticket);
    const bool stale = message.kind == ToWorker::Kind::event && event == nullptr;
    int fd = event ? event->fd.get() : -1;
    if (message.kind == ToWorker::Kind::trap_pipe && traps_) fd = traps_->fd();
    if (!stale) {
      const auto sent = worker_->channel().send(message, fd);
      channel_full_ = !sent;  // or broken: its death is told by the pidfd
      if (!sent) return;
    }
    outbox_.pop_front();
  }
}

void Keeper::deny_overdue() {
  const SteadyTime now = clock_.now();
  const auto tickets = outstanding_.overdue(now);
  const auto walks = outstanding_.overdue_walks(now);
  for (const Ticket ticket : tickets) finish(ticket, EIO);
  for (const std::uint64_t entry : walks) finish_walk(entry, EIO);
  if (tickets.empty() && walks.empty()) return;
  log::warn("fanotify: {} readers waited too long and got an error (EIO)",
            tickets.size() + walks.size());
}

// --- the end ---

void Keeper::begin_stop(Result<> why) {
  if (state_ == State::stopping || state_ == State::done) return;
  // A worker that is not ready yet may be waiting for the origin.
  const bool orderly = state_ == State::serving;
  outcome_ = std::move(why);
  state_ = State::stopping;
  stop_deadline_ = clock_.now() + times_.stop;
  if (is_in_charge_) give_up();
  if (!worker_) {
    state_ = State::done;
  } else if (orderly) {
    outbox_.clear();
    ToWorker message;
    message.kind = ToWorker::Kind::stop;
    send(message);
  } else {
    worker_->kill();
  }
}

void Keeper::give_up() {
  give_up_to_a_guard();
  deny_everything();
}

void Keeper::give_up_to_a_guard() {
  if (traps_) traps_->clear(EIO);
  traps_.reset();
  parts_.hide();
  deny_outstanding();
}

void Keeper::deny_outstanding() {
  for (const Ticket ticket : outstanding_.tickets()) finish(ticket, EIO);
}

void Keeper::deny_everything() {
  deny_outstanding();
  for (;;) {
    const auto read = group_.read(event_limit());
    if (!read || (read->events.empty() && read->failed == 0)) return;
    for (const Event& event : read->events) (void)group_.answer(event.fd.get(), EIO);
  }
}

}  // namespace lazymirror::fanotify
