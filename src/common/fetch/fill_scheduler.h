// SPDX-License-Identifier: Apache-2.0
//
// Makes ranges of files present, each chunk fetched once however many want it
// (single flight). Knows neither HTTP nor disk: both are behind FillTarget.
//
// Threads: safe from any thread; no lock is held while a target or a
// completion is called. Owns no thread; deadlines come from the TimerQueue.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/byte_range.h"
#include "base/request_context.h"
#include "base/timer_queue.h"
#include "base/unique_function.h"
#include "fetch/transfer_queue.h"

namespace lazymirror {

// Told by a target how a transfer goes. Safe from any thread.
class TransferObserver {
 public:
  virtual ~TransferObserver() = default;
  // These bytes have become present. What is_present() says must agree. False:
  // nobody wants the rest of the transfer; it is to end now, with any result.
  [[nodiscard]] virtual bool on_present(ByteRange range) = 0;
  // The transfer delivers this range instead of the one asked for (a server
  // without ranges sends the whole file). Before any on_present.
  virtual void on_range(ByteRange range) = 0;
  virtual void on_end(Result<> result) = 0;          // exactly once, last
  [[nodiscard]] virtual bool is_urgent() const = 0;  // somebody waits for it, or has
};

// One file (one generation) that can be filled. Implemented by the engine over
// the origin and the cache.
class FillTarget {
 public:
  virtual ~FillTarget() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // What becomes present at once, in bytes; a power of two.
  [[nodiscard]] virtual std::uint64_t chunk_size() const = 0;
  [[nodiscard]] virtual bool is_present(ByteRange range) = 0;
  [[nodiscard]] virtual std::optional<ByteRange> first_missing(ByteRange range) = 0;
  // The part of the file that one request must cover to serve `missing`:
  // `missing` itself, or the whole file where ranges cannot be had.
  [[nodiscard]] virtual ByteRange request_for(ByteRange missing) = 0;
  // Starts a transfer of `range` (from request_for). Must end by `deadline`
  // unless data keeps coming. Called with a slot taken.
  virtual void start(ByteRange range, SteadyTime deadline,
                     std::shared_ptr<TransferObserver> observer) = 0;
};

using WaiterId = std::uint64_t;  // 0: answered already

class FillScheduler {
 public:
  struct Options {
    Duration transfer_timeout{60'000};
    std::uint64_t max_request = 16u << 20;  // bytes of one transfer, about
  };
  FillScheduler(Options options, TransferQueue& queue, TimerQueue& timers, const Clock& clock);
  ~FillScheduler();
  FillScheduler(const FillScheduler&) = delete;
  FillScheduler& operator=(const FillScheduler&) = delete;

  // Completes when all of `range` (cut to the size) is present, with the error
  // of the transfer that should have brought it, or with Errc::timeout at the
  // context's deadline. Present already: completes before returning.
  WaiterId fill(const std::shared_ptr<FillTarget>& target, ByteRange range, RequestContext context,
                Completion<> done);

  // Into how many requests: as few as may be, or one for each stream that is idle.
  enum class Cut { few, for_idle };
  // Fetches without anyone waiting, where not present or under way.
  void prefetch(const std::shared_ptr<FillTarget>& target, ByteRange range, Priority priority,
                Cut cut = Cut::few);

  // Completes the waiter with Errc::cancelled, unless it has completed. What
  // was asked for on its behalf alone is withdrawn, but for the transfer that
  // it stood at: that goes on, so that a retried read makes progress.
  void cancel(WaiterId id);

  // Nobody has the file open any more: what nobody waits for is withdrawn, and
  // transfers under way end with the chunk that they are at.
  void abandon(const std::shared_ptr<FillTarget>& target);

  // How far ahead of a sequential reader it is worth to fetch.
  [[nodiscard]] std::uint64_t largest_window() const;

  // Completes every waiter with Errc::cancelled and starts nothing more.
  void stop();

  struct Load {
    std::size_t waiters = 0, flights = 0;
  };
  [[nodiscard]] Load load() const;

  struct Impl;  // private to the fetch room

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace lazymirror
