// SPDX-License-Identifier: Apache-2.0
#include "unit/fanotify/test_keeper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace lazymirror::testing {

using namespace fanotify;

namespace {

constexpr std::chrono::seconds kPatience{60};

}  // namespace

TestKeeper::TestKeeper(Group& group, Channel channel)
    : group_(group), channel_(std::move(channel)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread([this] { work(); });
}

TestKeeper::~TestKeeper() {
  stopping_ = true;
  wake();
  thread_.join();
  for (auto& [ticket, waiting] : waiting_) {
    if (waiting.of_kernel) (void)group_.answer(waiting.fd.get(), EIO);
  }
}

void TestKeeper::work() {
  while (!stopping_) {
    int channel = -1;
    {
      const std::lock_guard lock(mutex_);
      if (channel_ && reading_) channel = channel_->fd();
    }
    std::array<pollfd, 3> ready{pollfd{paused_ ? -1 : group_.fd(), POLLIN, 0},
                                pollfd{channel, POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    if (ready[0].revents != 0) take_events();
    if (ready[1].revents != 0) take_messages();
  }
}

void TestKeeper::take_events() {
  auto events = group_.read();
  ASSERT_TRUE(events) << events.error().message;
  const std::lock_guard lock(mutex_);
  for (Event& event : events->events) {
    ToWorker message;
    message.kind = ToWorker::Kind::event;
    message.event = event.kind;
    message.ticket = next_++;
    message.number = event.fd.get();
    message.has_range = event.offset ? 1 : 0;
    message.offset = event.offset.value_or(0);
    message.count = event.count;
    ++said.events;
    send(message, event.fd.get());
    waiting_.emplace(message.ticket, Waiting{message, std::move(event.fd), true});
  }
  moved_.notify_all();
}

void TestKeeper::take_messages() {
  const std::lock_guard lock(mutex_);
  while (channel_ && reading_) {
    auto message = channel_->receive_from_worker();
    if (!message) {
      channel_.reset();
    } else if (*message) {
      handle(**message);
    } else {
      break;
    }
  }
  moved_.notify_all();
}

void TestKeeper::handle(const ToKeeper& message) {
  switch (message.kind) {
    case ToKeeper::Kind::answer: return handle_answer(message);
    case ToKeeper::Kind::set_trap: {
      ToWorker reply;
      reply.kind = ToWorker::Kind::trap_set;
      reply.entry = message.entry;
      ++said.orders;
      if (refused_traps.contains(message.text)) {
        reply.error = ENOENT;
      } else {
        said.traps[message.entry] = message.text;
        said.most_traps = std::max(said.most_traps, said.traps.size());
      }
      return send(reply);
    }
    case ToKeeper::Kind::untrap:
      // As Traps::release(): after any other error the trap stays.
      if (message.error == 0 || message.error == ESTALE) said.traps.erase(message.entry);
      said.untraps.emplace(message.entry, message.error);
      said.orders_before_untrap.emplace(message.entry, said.orders);
      return;
    case ToKeeper::Kind::pong: ++said.pongs; return;
    case ToKeeper::Kind::ready: said.ready = true; return;
    case ToKeeper::Kind::progress:
      ++said.progress;
      said.answers_at_progress = said.answers;
      return;
    case ToKeeper::Kind::pause: {
      paused_ = true;
      ToWorker reply;
      reply.kind = ToWorker::Kind::paused;
      reply.ticket = message.ticket;
      return send(reply);
    }
    case ToKeeper::Kind::resume: paused_ = false; return;
    case ToKeeper::Kind::failed:
    case ToKeeper::Kind::stopped: said.end = message.text; return;
  }
}

void TestKeeper::handle_answer(const ToKeeper& message) {
  const auto waiting = waiting_.extract(message.ticket);
  ASSERT_TRUE(waiting) << "nobody asked for ticket " << message.ticket;
  if (waiting.mapped().of_kernel) {
    (void)group_.answer(waiting.mapped().fd.get(), message.error);
  }
  answers_[message.ticket] = message.error;
  said.orders_before_answer[message.ticket] = said.orders;
  ++said.answers;
}

// Under the lock.
void TestKeeper::send(const ToWorker& message, int fd) {
  if (!channel_) return;
  for (;;) {
    const auto sent = channel_->send(message, fd);
    if (sent || sent.error().code != Errc::busy) return;
    while (channel_) {  // what the worker says makes room
      auto said_meanwhile = channel_->receive_from_worker();
      if (!said_meanwhile || !*said_meanwhile) break;
      handle(**said_meanwhile);
    }
    pollfd writable{channel_->fd(), POLLOUT, 0};
    (void)::poll(&writable, 1, 10);
  }
}

void TestKeeper::connect(Channel channel) {
  {
    const std::lock_guard lock(mutex_);
    channel_.emplace(std::move(channel));
    said.ready = false;
    paused_ = false;
    for (auto& [ticket, waiting] : waiting_) send(waiting.message, waiting.fd.get());
  }
  wake();
}

void TestKeeper::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

// Closing alone would not do: poll(2) in the other thread has it as well.
void TestKeeper::hang_up() {
  const std::lock_guard lock(mutex_);
  if (channel_) ::shutdown(channel_->fd(), SHUT_RDWR);
  channel_.reset();
}

void TestKeeper::stop_worker() {
  const std::lock_guard lock(mutex_);
  ToWorker message;
  message.kind = ToWorker::Kind::stop;
  send(message);
}

Ticket TestKeeper::tell(int fd, std::uint64_t offset, std::uint64_t count, Event::Kind kind) {
  const std::lock_guard lock(mutex_);
  ToWorker message;
  message.kind = ToWorker::Kind::event;
  message.event = kind;
  message.ticket = next_++;
  message.has_range = kind == Event::Kind::read ? 1 : 0;
  message.offset = offset;
  message.count = count;
  UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  send(message, own.get());
  waiting_.emplace(message.ticket, Waiting{message, std::move(own), false});
  return message.ticket;
}

void TestKeeper::tell_walk(std::uint64_t entry) {
  const std::lock_guard lock(mutex_);
  ToWorker message;
  message.kind = ToWorker::Kind::trapped;
  message.entry = entry;
  send(message);
}

void TestKeeper::ping() {
  const std::lock_guard lock(mutex_);
  send(ToWorker{});
}

void TestKeeper::stop_reading() {
  const std::lock_guard lock(mutex_);
  reading_ = false;
}

void TestKeeper::read_on() {
  {
    const std::lock_guard lock(mutex_);
    reading_ = true;
  }
  wake();
}

bool TestKeeper::wait_until(const std::function<bool()>& done) {
  std::unique_lock lock(mutex_);
  return moved_.wait_for(lock, kPatience, done);
}

bool TestKeeper::wait_until_ready() {
  return wait_until([&] { return said.ready; });
}

std::optional<int> TestKeeper::answer_to(Ticket ticket) {
  if (!wait_until([&] { return answers_.contains(ticket); })) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return answers_.at(ticket);
}

bool TestKeeper::is_answered(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  return answers_.contains(ticket);
}

std::optional<int> TestKeeper::wait_for_untrap(std::uint64_t entry) {
  if (!wait_until([&] { return said.untraps.contains(entry); })) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return said.untraps.extract(said.untraps.find(entry)).mapped();
}

}  // namespace lazymirror::testing
