// SPDX-License-Identifier: Apache-2.0
#include "fanotify/caretaker.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"
#include "fanotify/descriptor_message.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kHandingOver{10'000};
constexpr Duration kAnswer{10'000};
constexpr Duration kEnding{20'000};  // of a keeper that is refused

enum Word : std::int32_t { kAsk = 1, kMine, kYours, kNo };

bool hears(int fd, int limit_ms) {
  pollfd ready{fd, POLLIN, 0};
  return ::poll(&ready, 1, limit_ms) == 1;
}

}  // namespace

Caretaker::Caretaker(UniqueFd line, const UniqueFd& signals, Parts parts)
    : line_(std::move(line)),
      signals_(signals),
      parts_(std::move(parts)),
      deadline_(clock_.now() + parts_.patience) {}

Caretaker::End Caretaker::run() {
  Step next = stand_guard() ? Step::go_on : Step::over;
  while (next == Step::go_on) next = step();
  if (next == Step::taken_over) return End::taken_over;
  refuse();
  const bool ours = guard_ && !guard_is_dead();
  guard_.reset();
  return !ours && parts_.is_guarded() ? End::another_guards : End::nobody_came;
}

Caretaker::Step Caretaker::step() {
  wait();
  const bool late = clock_.now() >= deadline_;
  if (late) log::warn("fanotify: no other keeper has taken over in time");
  if (late || is_told_to_end() || guard_is_dead()) return Step::over;
  return session_.valid() ? look_at_session() : look_at_line();
}

void Caretaker::wait() {
  std::array<pollfd, 3> fds{pollfd{signals_.get(), POLLIN, 0},
                            pollfd{session_.valid() ? session_.get() : line_.get(), POLLIN, 0},
                            pollfd{guard_ ? guard_->pidfd() : -1, POLLIN, 0}};
  const auto left = std::chrono::ceil<Duration>(deadline_ - clock_.now());
  (void)::poll(fds.data(), fds.size(), static_cast<int>(std::max<Duration::rep>(left.count(), 0)));
}

bool Caretaker::is_told_to_end() const {
  signalfd_siginfo signal{};
  if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal) return false;
  return signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT;
}

bool Caretaker::stand_guard() {
  auto guard = parts_.start_guard();
  if (!guard) {
    log::error("fanotify: {}", guard.error().message);
    return false;
  }
  guard_ = std::make_unique<WorkerProcess>(std::move(*guard));
  return true;
}

bool Caretaker::guard_is_dead() const { return guard_ && hears(guard_->pidfd(), 0); }

// The guard steps aside first: the worker of the other keeper is to take its
// place, and of these there is one.
Caretaker::Step Caretaker::look_at_line() {
  if (!hears(line_.get(), 0)) return Step::go_on;
  auto question = receive_with_descriptor(line_.get());
  if (!question) {
    log::info("fanotify: no other keeper is to come");
    return Step::over;
  }
  if (question->value != kAsk || !question->fd.valid()) return Step::go_on;
  session_ = std::move(question->fd);
  guard_.reset();
  deadline_ = std::max(deadline_, clock_.now() + parts_.patience);
  if (auto sent = send_estate(session_.get(), parts_.estate(), kHandingOver); !sent) {
    log::warn("fanotify: {}", sent.error().message);
    return end_session();
  }
  return Step::go_on;
}

Caretaker::Step Caretaker::look_at_session() {
  if (!hears(session_.get(), 0)) return Step::go_on;
  const auto word = receive_with_descriptor(session_.get());
  const bool given =
      word && word->value == kMine && send_with_descriptor(session_.get(), kYours, -1);
  return given ? Step::taken_over : end_session();
}

// Silence would mean that this process was killed. Then it waits for its end, with
// that of its worker: one that is left guards.
void Caretaker::refuse() {
  const UniqueFd session = std::move(session_);
  if (!session.valid()) return;
  (void)send_with_descriptor(session.get(), kNo, -1);
  const auto until = clock_.now() + kEnding;
  for (bool there = true; there && clock_.now() < until;) {
    const auto left = std::chrono::ceil<Duration>(until - clock_.now());
    there = !hears(session.get(), static_cast<int>(left.count())) ||
            receive_with_descriptor(session.get());
  }
}

// It may try again, or another, unless its worker is left and guards.
Caretaker::Step Caretaker::end_session() {
  refuse();
  return !parts_.is_guarded() && stand_guard() ? Step::go_on : Step::over;
}

Result<WorkerEnd> stand_by(const WorkerInside& inside) {
  for (;;) {
    auto received = inside.channel.receive_from_keeper();
    if (!received) return WorkerEnd::keeper_gone;
    if (received->message.kind == ToWorker::Kind::stop) return WorkerEnd::stopped;
  }
}

Result<std::pair<Heir, Estate>> Heir::ask(UniqueFd line) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "cannot make a socket");
  }
  UniqueFd ours(ends[0]), theirs(ends[1]);
  if (!send_with_descriptor(line.get(), kAsk, theirs.get())) {
    return fail(Errc::unreachable, "the keeper before has nothing left to hand over");
  }
  theirs.reset();
  auto estate = receive_estate(ours.get(), kHandingOver);
  if (!estate) return fail(estate.error());
  return std::pair(Heir(std::move(line), std::move(ours)), std::move(*estate));
}

Result<> Heir::claim() {
  (void)send_with_descriptor(session_.get(), kMine, -1);
  const bool heard = hears(session_.get(), static_cast<int>(kAnswer.count()));
  const auto word = heard ? receive_with_descriptor(session_.get()) : std::nullopt;
  if (heard && (!word || word->value == kYours)) return {};
  return fail(Errc::unreachable, "the keeper before does not hand over what it left");
}

}  // namespace lazymirror::fanotify
