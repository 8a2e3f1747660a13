// SPDX-License-Identifier: Apache-2.0
//
// What keeper and worker say to each other, one message a datagram
// (SOCK_SEQPACKET). Both ends are the same program, forked: fixed structures,
// no versions. Nevertheless everything that the worker sends is checked, since
// it is the one that reads what strangers wrote.
//
// Threads: a Channel may be used by several threads at once; messages are
// whole. Owns its descriptor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/event.h"

namespace lazymirror::fanotify {

// A ticket names what waits for an answer: an event of the group, or a walk
// that is caught in a trap. Never reused; the same when it is sent again to a
// new worker.
using Ticket = std::uint64_t;

struct ToWorker {
  enum class Kind : std::uint32_t {
    event,     // with the object's descriptor
    trapped,   // somebody walks into the directory `entry`
    trap_set,  // `entry` has its trap now, or not (`error`)
    // For the keeper's death (trap_ends.h); `entry`: the trap's device number.
    trap_pipe,  // with the descriptor
    trap_made,  // with the descriptor, before anybody can walk into it
    trap_gone,
    ping,
    stop,    // answer nothing more, make everything durable, end
    paused,  // no event is read until the worker says so: the answer to `ticket`
  };
  Kind kind = Kind::ping;
  Event::Kind event = Event::Kind::read;
  Ticket ticket = 0;
  std::int32_t number = -1;  // of the event in the group
  std::int32_t error = 0;
  pid_t pid = 0;
  std::uint32_t has_range = 0;
  std::uint64_t offset = 0, count = 0;
  std::uint64_t entry = 0;
};

struct ToKeeper {
  enum class Kind : std::uint32_t {
    answer,    // `ticket` ends with `error`
    set_trap,  // `entry` at `text`, a path below the root
    untrap,    // `entry` is populated, or gone (`error`): whoever waits there goes on
    pong,
    ready,    // the root is populated: the view may be shown
    failed,   // cannot start or go on: see failure_message()
    stopped,  // everything is durable
    // `ticket` (or, when that is 0, the walk into `entry`) is not done yet but
    // getting on: its reader may wait as long again. A mapping of 10 GB takes
    // longer than any one read.
    progress,
    pause,   // read no events, and say so with `ticket`: see event_pauses.h
    resume,  // read them again
  };
  Kind kind = Kind::pong;
  std::int32_t error = 0;
  Ticket ticket = 0;
  std::uint64_t entry = 0;
  std::string text;  // at most kMaxText bytes
};

inline constexpr std::size_t kMaxText = 16u << 10;

// An error as a message, and back; of a worker that cannot start or go on.
[[nodiscard]] ToKeeper failure_message(const Error& error);
[[nodiscard]] Error failure_in(ToKeeper message);

class Channel {
 public:
  explicit Channel(UniqueFd fd) : fd_(std::move(fd)) {}
  // keeper's end, worker's end
  [[nodiscard]] static Result<std::pair<Channel, Channel>> make_pair();

  [[nodiscard]] int fd() const { return fd_.get(); }

  // Never block: Errc::busy when the other end does not keep up (poll for
  // writing), Errc::unreachable when it is gone.
  Result<> send(const ToWorker& message, int fd = -1);
  struct Received {
    ToWorker message;
    UniqueFd fd;
  };
  // Nothing: no message is there. Errc::unreachable at the end,
  // Errc::bad_reply for what is no message.
  [[nodiscard]] Result<std::optional<ToKeeper>> receive_from_worker();

  // The worker's side blocks: send() for as long as the keeper is busy,
  // receive() until a message comes; Errc::unreachable when it is gone. The
  // descriptor of an event is missing when this process has no room for one
  // more.
  Result<> send(const ToKeeper& message);
  [[nodiscard]] Result<Received> receive_from_keeper();

 private:
  UniqueFd fd_;
};

}  // namespace lazymirror::fanotify
