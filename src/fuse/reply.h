// SPDX-License-Identifier: Apache-2.0
//
// Answers to the kernel: every request is answered exactly once. A Reply is
// the right to answer one request; a Reply that dies unused answers EIO. While
// a request waits for the engine it is Parked: the completion, an interrupt
// and the end of the mount race for the right to answer it, and one wins.
//
// Threads: Reply and Ticket are not synchronised; everything else is. No lock
// of ours is held while libfuse or the engine is called.
#pragma once

#include <sys/statvfs.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/engine.h"
#include "fuse/libfuse.h"

namespace lazymirror::fuse {

class Parked;

// The requests that the kernel waits for. Must outlive every Reply; Tickets
// may outlive it.
class Outstanding {
 public:
  explicit Outstanding(std::function<void(WaiterId)> cancel) : cancel_(std::move(cancel)) {}

  // Answers all parked requests with `error`, and from now on every request at
  // the moment it would be parked.
  void close(int error);
  void wait_until_none();  // REQUIRES: closed, and no more requests come in

 private:
  friend class Reply;
  friend class Parked;
  friend class Ticket;

  void begin();
  void end();
  [[nodiscard]] int add(const std::shared_ptr<Parked>& parked);  // 0, or the error if closed
  void remove(Parked* parked);

  std::function<void(WaiterId)> cancel_;
  std::mutex mutex_;  // leaf
  std::condition_variable none_;
  std::size_t unanswered_ = 0;
  int closed_ = 0;
  std::unordered_map<Parked*, std::shared_ptr<Parked>> parked_;
};

class Reply {
 public:
  Reply(fuse_req_t request, Outstanding& outstanding);
  Reply(Reply&& other) noexcept
      : request_(std::exchange(other.request_, nullptr)), outstanding_(other.outstanding_) {}
  Reply& operator=(Reply&&) = delete;
  ~Reply();

  void error(int err);
  void nothing();  // FORGET, which has no answer
  void bytes(std::span<const std::byte> data);
  void attributes(const struct stat& st, double timeout);
  void statfs(const struct statvfs& st);
  // The value of an xattr for a caller who has room for `room` bytes, 0 for one
  // who asks for the length.
  void xattr(std::string_view value, std::size_t room);

  // For answers with consequences: calls `answer(request)`, which must make
  // exactly one fuse_reply_*, and returns its result: not 0 when the kernel no
  // longer wants the answer and so holds nothing of what it contains.
  template <typename F>
  int with(F&& answer) {
    const int result = std::forward<F>(answer)(std::exchange(request_, nullptr));
    outstanding_->end();
    return result;
  }

  [[nodiscard]] fuse_req_t request() const { return request_; }

 private:
  friend class Parked;
  struct Unparked {};
  Reply(Unparked, fuse_req_t request, Outstanding& outstanding)
      : request_(request), outstanding_(&outstanding) {}
  // Gives the request away without answering it.
  [[nodiscard]] fuse_req_t release() { return std::exchange(request_, nullptr); }

  fuse_req_t request_;
  Outstanding* outstanding_;
};

// What a completion holds of a parked request.
class Ticket {
 public:
  explicit Ticket(std::shared_ptr<Parked> parked) : parked_(std::move(parked)) {}
  Ticket(Ticket&&) noexcept = default;
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket();  // a completion that is dropped uncalled answers EIO

  // The right to answer; nothing when the request has been answered already
  // (interrupted, or the mount ended; then the session may be gone as well).
  [[nodiscard]] std::optional<Reply> take();

 private:
  std::shared_ptr<Parked> parked_;
};

class Parked : public std::enable_shared_from_this<Parked> {
 public:
  // Parks the request of `reply`. Nothing when that answered it at once: it had
  // been interrupted, or the mount is ending.
  [[nodiscard]] static std::shared_ptr<Parked> park(Reply reply);

  [[nodiscard]] Ticket ticket() { return Ticket(shared_from_this()); }
  // The engine's waiter to cancel when the request is interrupted.
  void set_waiter(WaiterId waiter);

 private:
  friend class Outstanding;
  friend class Ticket;

  Parked(fuse_req_t request, Outstanding& outstanding)
      : request_(request), outstanding_(&outstanding) {}
  static void on_interrupt(fuse_req_t request, void* data);
  void abandon(int error);
  [[nodiscard]] std::optional<Reply> take();

  fuse_req_t const request_;
  Outstanding* const outstanding_;
  std::atomic<bool> taken_ = false;      // somebody has the right to answer
  std::atomic<bool> abandoned_ = false;  // answered without the engine
  std::atomic<WaiterId> waiter_ = 0;
};

}  // namespace lazymirror::fuse
