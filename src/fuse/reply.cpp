// SPDX-License-Identifier: Apache-2.0
#include "fuse/reply.h"

#include <vector>

namespace lazymirror::fuse {
namespace {

// fuse_req_interrupt_func() calls the function itself when the interrupt came
// first, and still uses the request afterwards; answering there would free it
// under libfuse's feet. So that case is only noted.
struct Registration {
  bool running = false;
  bool interrupted = false;
};
thread_local Registration registration;

}  // namespace

void Outstanding::begin() {
  const std::lock_guard lock(mutex_);
  ++unanswered_;
}

void Outstanding::end() {
  const std::lock_guard lock(mutex_);
  if (--unanswered_ == 0) none_.notify_all();  // under the lock: the waiter may destroy us
}

int Outstanding::add(const std::shared_ptr<Parked>& parked) {
  const std::lock_guard lock(mutex_);
  if (closed_ == 0) parked_.emplace(parked.get(), parked);
  return closed_;
}

void Outstanding::remove(Parked* parked) {
  std::shared_ptr<Parked> last;  // dies after the lock
  const std::lock_guard lock(mutex_);
  const auto it = parked_.find(parked);
  if (it == parked_.end()) return;
  last = std::move(it->second);
  parked_.erase(it);
}

void Outstanding::close(int error) {
  std::vector<std::shared_ptr<Parked>> waiting;
  {
    const std::lock_guard lock(mutex_);
    closed_ = error;
    for (const auto& [key, parked] : parked_) waiting.push_back(parked);
  }
  for (const auto& parked : waiting) parked->abandon(error);
}

void Outstanding::wait_until_none() {
  std::unique_lock lock(mutex_);
  none_.wait(lock, [&] { return unanswered_ == 0; });
}

Reply::Reply(fuse_req_t request, Outstanding& outstanding)
    : request_(request), outstanding_(&outstanding) {
  outstanding.begin();
}

Reply::~Reply() {
  if (request_ != nullptr) error(EIO);
}

void Reply::error(int err) {
  with([&](fuse_req_t req) { return fuse_reply_err(req, err); });
}

void Reply::nothing() {
  with([](fuse_req_t req) {
    fuse_reply_none(req);
    return 0;
  });
}

void Reply::bytes(std::span<const std::byte> data) {
  with([&](fuse_req_t req) {
    return fuse_reply_buf(req, reinterpret_cast<const char*>(data.data()), data.size());
  });
}

void Reply::attributes(const struct stat& st, double timeout) {
  with([&](fuse_req_t req) { return fuse_reply_attr(req, &st, timeout); });
}

void Reply::statfs(const struct statvfs& st) {
  with([&](fuse_req_t req) { return fuse_reply_statfs(req, &st); });
}

void Reply::xattr(std::string_view value, std::size_t room) {
  if (room == 0) {
    with([&](fuse_req_t req) { return fuse_reply_xattr(req, value.size()); });
  } else if (room < value.size()) {
    error(ERANGE);
  } else {
    with([&](fuse_req_t req) { return fuse_reply_buf(req, value.data(), value.size()); });
  }
}

Ticket::~Ticket() {
  if (parked_ != nullptr) static_cast<void>(take());
}

std::optional<Reply> Ticket::take() { return std::exchange(parked_, nullptr)->take(); }

std::shared_ptr<Parked> Parked::park(Reply reply) {
  Outstanding& outstanding = *reply.outstanding_;
  const fuse_req_t request = reply.release();
  const std::shared_ptr<Parked> parked(new Parked(request, outstanding));
  registration = {.running = true};
  fuse_req_interrupt_func(request, &Parked::on_interrupt, parked.get());
  registration.running = false;
  if (registration.interrupted) parked->abandon(EINTR);

  const int closed = outstanding.add(parked);
  if (closed != 0) parked->abandon(closed);
  // Answered before it was listed: whoever did it could not take it off.
  if (parked->taken_) outstanding.remove(parked.get());
  return parked->taken_ ? nullptr : parked;
}

// Called by libfuse under the request's own lock, on the thread that read the
// interrupt. take() waits for that lock, so *data is alive.
void Parked::on_interrupt(fuse_req_t, void* data) {
  if (registration.running) {
    registration.interrupted = true;
    return;
  }
  static_cast<Parked*>(data)->shared_from_this()->abandon(EINTR);
}

void Parked::abandon(int error) {
  if (taken_.exchange(true)) return;
  Outstanding& outstanding = *outstanding_;
  abandoned_ = true;
  // Cancel first: while the request counts as unanswered, the engine is there.
  if (const WaiterId waiter = waiter_.load(); waiter != 0) outstanding.cancel_(waiter);
  outstanding.remove(this);
  Reply(Reply::Unparked{}, request_, outstanding).error(error);
}

void Parked::set_waiter(WaiterId waiter) {
  waiter_ = waiter;
  // Abandoned in between: nobody has cancelled it.
  if (abandoned_ && waiter != 0) outstanding_->cancel_(waiter);
}

std::optional<Reply> Parked::take() {
  if (taken_.exchange(true)) return std::nullopt;
  // Waits for an interrupt that is being delivered; none comes after.
  fuse_req_interrupt_func(request_, nullptr, nullptr);
  outstanding_->remove(this);
  return Reply(Reply::Unparked{}, request_, *outstanding_);
}

}  // namespace lazymirror::fuse
