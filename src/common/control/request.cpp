// SPDX-License-Identifier: Apache-2.0
#include "control/request.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include <exception>
#include <utility>

namespace lazymirror::control {
namespace {

constexpr std::size_t kRoom = 256u << 10;  // more than this waits to be sent: no room
constexpr std::size_t kMost = 8u << 20;    // who lets so much wait does not read

Result<Message> call(const Handler& handler, const Message& message, Asker& asker) {
  try {
    return handler(message, asker);
  } catch (const std::exception& error) {  // such as no memory
    return fail(Errc::internal, std::string("cannot answer: ") + error.what());
  }
}

}  // namespace

Request::Request(Handler handler, Message message, std::shared_ptr<const UniqueFd> wake)
    : wake_(std::move(wake)) {
  thread_ = std::thread([this, handler = std::move(handler), message = std::move(message)] {
    ::pthread_setname_np(::pthread_self(), "lm-request");
    run(handler, message);
  });
}

Request::~Request() {
  asker_has_gone();
  thread_.join();
}

void Request::run(const Handler& handler, const Message& message) {
  const auto answer = call(handler, message, *this);
  say(write_message(answer ? *answer : error_message(answer.error())), true);
}

void Request::say(const std::string& line, bool last) {
  {
    const std::lock_guard lock(mutex_);
    if (!gone_) lines_ += line;
    ended_ = last;
  }
  wake_server();
}

bool Request::tell(const Message& what) {
  if (has_gone()) return false;
  say(write_message({{"progress", what}}), false);
  const std::lock_guard lock(mutex_);
  if (lines_.size() <= kMost) return true;
  lines_.clear();
  gone_ = true;
  return false;
}

bool Request::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return gone_ || lines_.size() <= kRoom; });
  return !gone_;
}

bool Request::has_gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

bool Request::has_ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

std::string Request::take_lines() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
  return std::exchange(lines_, {});
}

std::shared_ptr<void> Request::when_gone(UniqueFunction<void()> leave) {
  std::shared_ptr<void> hold(this, [](void* self) { static_cast<Request*>(self)->drop_leave(); });
  std::unique_lock lock(mutex_);
  if (!gone_) {
    leave_ = std::move(leave);
    return hold;
  }
  lock.unlock();
  leave();
  return hold;
}

void Request::drop_leave() {
  UniqueFunction<void()> dropped;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !calling_; });
  dropped = std::exchange(leave_, nullptr);
}

void Request::asker_has_gone() {
  std::unique_lock lock(mutex_);
  gone_ = true;
  changed_.notify_all();
  auto leave = std::exchange(leave_, nullptr);
  if (!leave) return;
  calling_ = true;
  lock.unlock();
  leave();
  lock.lock();
  calling_ = false;
  changed_.notify_all();
}

void Request::wake_server() const { ::eventfd_write(wake_->get(), 1); }

}  // namespace lazymirror::control
