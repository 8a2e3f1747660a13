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
#include "fanotify/pidfd.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kHandingOver{10'000};

// kGone is not said: the other end is closed.
enum Word : std::int32_t { kGone = 0, kAsk, kMine, kYours, kNo, kClear };

bool hears(int fd, Duration limit) {
  pollfd ready{fd, POLLIN, 0};
  return ::poll(&ready, 1, static_cast<int>(std::max<Duration::rep>(limit.count(), 0))) == 1;
}

bool is_closed_there(int session) {
  pollfd other{session, 0, 0};
  return ::poll(&other, 1, 0) == 1 && (other.revents & POLLHUP) != 0;
}

// Nothing at the limit.
std::optional<std::int32_t> next_word(int session, Duration limit) {
  if (!hears(session, limit)) return std::nullopt;
  const auto message = receive_with_descriptor(session);
  return message ? message->value : kGone;
}

// Afterwards nothing more can be said to us, and whoever tries knows.
std::optional<std::int32_t> last_word(int session) {
  ::shutdown(session, SHUT_RD);
  if (const auto message = receive_with_descriptor(session)) return message->value;
  if (is_closed_there(session)) return kGone;
  return std::nullopt;
}

// The process that made the socket.
UniqueFd process_at(int session) {
  ucred who{};
  socklen_t size = sizeof who;
  const bool known = ::getsockopt(session, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
  return known && who.pid > 0 ? open_pidfd(who.pid) : UniqueFd();
}

bool ends_within(int session, Duration limit) {
  const SystemClock clock;
  const auto until = clock.now() + limit;
  for (;;) {
    const auto word = next_word(session, std::chrono::ceil<Duration>(until - clock.now()));
    if (!word || word == kGone) return word.has_value();
  }
}

Failure not_handed_over() {
  return fail(Errc::unreachable, "the keeper before does not hand over what it left");
}

}  // namespace

Caretaker::Caretaker(UniqueFd line, const UniqueFd& signals, Parts parts)
    : line_(std::move(line)),
      signals_(signals),
      parts_(std::move(parts)),
      deadline_(clock_.now() + parts_.patience),
      last_deadline_(deadline_ + parts_.patience) {}

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

bool Caretaker::guard_is_dead() const { return guard_ && hears(guard_->pidfd(), Duration{0}); }

Caretaker::Step Caretaker::look_at_line() {
  if (!hears(line_.get(), Duration{0})) return Step::go_on;
  auto question = receive_with_descriptor(line_.get());
  if (!question) {
    log::info("fanotify: no other keeper is to come");
    return Step::over;
  }
  if (question->value != kAsk || !question->fd.valid()) return Step::go_on;
  session_ = std::move(question->fd);
  asker_ = process_at(session_.get());
  deadline_ = std::min(last_deadline_, std::max(deadline_, clock_.now() + parts_.patience));
  return hand_over() ? Step::go_on : end_session();
}

// Of workers that guard there is one: the guard goes before the other keeper
// starts its own, and stays as long as nobody else has all that is left.
bool Caretaker::hand_over() {
  if (auto sent = send_estate(session_.get(), parts_.estate(), kHandingOver); !sent) {
    log::warn("fanotify: {}", sent.error().message);
    return false;
  }
  guard_.reset();
  return send_with_descriptor(session_.get(), kClear, -1);
}

Caretaker::Step Caretaker::look_at_session() {
  const auto word = next_word(session_.get(), Duration{0});
  if (!word) return Step::go_on;
  const bool given = word == kMine && send_with_descriptor(session_.get(), kYours, -1);
  return given ? Step::taken_over : end_session();
}

// Silence would mean that this process was killed. Then it waits for its end, with
// that of its worker. One that is killed leaves its worker, which guards.
void Caretaker::refuse() {
  const UniqueFd session = std::move(session_);
  if (!session.valid()) return;
  (void)send_with_descriptor(session.get(), kNo, -1);
  if (ends_within(session.get(), parts_.ending)) return;
  log::warn("fanotify: a keeper that has nothing to take over does not end and is killed");
  signal_pidfd(asker_, SIGKILL);
  (void)ends_within(session.get(), parts_.ending);
}

// It may try again, or another, unless its worker is left and guards.
Caretaker::Step Caretaker::end_session() {
  refuse();
  if (guard_) return Step::go_on;
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
  const auto word = next_word(ours.get(), kHandingOver);
  if (word != kClear && word != kGone) return not_handed_over();
  return std::pair(Heir(std::move(line), std::move(ours)), std::move(*estate));
}

int Heir::fd() const { return is_alone() ? -1 : session_.get(); }

bool Heir::is_refused() { return next_word(session_.get(), Duration{0}) == kNo; }

bool Heir::is_alone() const { return is_closed_there(session_.get()); }

Result<> Heir::claim(Duration limit) {
  (void)send_with_descriptor(session_.get(), kMine, -1);
  auto word = next_word(session_.get(), limit);
  if (!word) word = last_word(session_.get());
  if (word == kYours || word == kGone) return {};
  return not_handed_over();
}

}  // namespace lazymirror::fanotify
