// SPDX-License-Identifier: Apache-2.0
//
// Who may use the origin next. Everything that goes over the network takes a
// slot here first: demand before read-ahead before look-ahead before bulk,
// within a priority in order of arrival. A few slots are kept for demand, so
// that a reader never waits behind guesses.
//
// Guesses start only while a quarter of the slots (at least one, when there are
// two; at most four) would stay free: with many, the next one is free soon.
//
// Long transfers are bound by bandwidth, so more of them at once need not be
// better: guesses among them are limited once more, to three quarters of the
// slots and by set_streams(); and as
// each uses a connection of its own, all of them by the first capacity, also
// when HTTP/2 has raised it. Short ones overtake those that wait for this.
//
// Threads: safe from any thread. Start functions are called without a lock
// held, one after the other, on a thread that called submit(), promote(),
// release(), set_capacity() or set_streams(). They may call any member.
#pragma once

#include <cstdint>
#include <memory>

#include "base/request_context.h"
#include "base/unique_function.h"

namespace lazymirror {

using TicketId = std::uint64_t;  // never 0, never reused
enum class Length { brief, lengthy };

class TransferQueue {
 public:
  explicit TransferQueue(unsigned capacity);
  ~TransferQueue();  // start functions still queued are dropped
  TransferQueue(const TransferQueue&) = delete;
  TransferQueue& operator=(const TransferQueue&) = delete;

  // Calls `start` once a slot is free. The slot is taken until release(id).
  TicketId submit(Priority priority, UniqueFunction<void(TicketId)> start,
                  Length length = Length::brief);
  // Somebody waits for it now. No effect once started.
  void promote(TicketId id, Priority priority);
  // True when it had not started and now never will.
  bool withdraw(TicketId id);
  // The transfer has ended.
  void release(TicketId id);
  // The origin's capacity is learned while running (HTTP/2).
  void set_capacity(unsigned capacity);
  // How many long guesses may run at once; 1 to most_streams().
  void set_streams(unsigned streams);
  [[nodiscard]] unsigned most_streams() const;

  struct Load {
    unsigned running = 0, waiting = 0;
  };
  [[nodiscard]] Load load() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror
