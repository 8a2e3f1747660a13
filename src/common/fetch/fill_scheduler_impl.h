// SPDX-License-Identifier: Apache-2.0
//
// Private to the fetch room: the scheduler's state and steps. Those of waiters
// are in fill_scheduler.cpp, those of flights in fill_flights.cpp.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fetch/fill_scheduler.h"
#include "fetch/fill_state.h"
#include "fetch/stream_tuner.h"

namespace lazymirror {

struct FillScheduler::Impl : std::enable_shared_from_this<Impl> {
  const Options options;
  TransferQueue& queue;
  TimerQueue& timers;
  const Clock& clock;

  mutable std::mutex mutex;
  std::unordered_map<FillTarget*, detail::FilePtr> files;
  std::unordered_map<WaiterId, detail::WaiterPtr> waiters;
  WaiterId next_id = 1;
  std::size_t flight_count = 0;
  bool stopped = false;
  StreamTuner tuner;
  unsigned long_running = 0, streams_told;

  Impl(Options o, TransferQueue& q, TimerQueue& t, const Clock& c)
      : options(o),
        queue(q),
        timers(t),
        clock(c),
        tuner(q.most_streams()),
        streams_told(tuner.streams()) {}

  // What a look at the state decided to do once the lock is released.
  struct Actions {
    std::vector<detail::FlightPtr> submit;
    std::vector<std::pair<TicketId, Priority>> promote;
  };
  enum class Step { wait, look_again, give_up };

  // --- under the lock ---
  detail::FilePtr file_of(const std::shared_ptr<FillTarget>& target);
  void forget_if_idle(const detail::FilePtr& file);
  [[nodiscard]] static bool is_covered(const detail::FileState& file, std::uint64_t offset,
                                       Priority by);
  [[nodiscard]] FillPlan plan(const detail::FileState& file, const std::vector<Need>& needs,
                              std::uint64_t max_request, bool urgent);
  [[nodiscard]] std::uint64_t share_of_idle(const detail::FileState& file,
                                            std::uint64_t size) const;
  void enact(const detail::FilePtr& file, const FillPlan& plan, Priority priority, bool guess,
             Actions& actions);
  Step place(const detail::WaiterPtr& waiter, const std::vector<Need>& needs, Actions& actions);

  // --- without it ---
  detail::WaiterPtr admit(const std::shared_ptr<FillTarget>& target, ByteRange range,
                          Priority priority, Completion<>& done);
  // Parks the waiter where bytes will come, or completes it. REQUIRES: the
  // caller looks after it (not parked).
  void serve(const detail::WaiterPtr& waiter);
  bool arm(const detail::WaiterPtr& waiter, SteadyTime deadline);
  void finish(const detail::WaiterPtr& waiter, Result<> result);
  void perform(const Actions& actions);

  void begin(const detail::FlightPtr& flight, TicketId ticket);
  std::optional<ByteRange> take_off(detail::Flight& flight, ByteRange missing, ByteRange request);
  bool arrived(detail::Flight& flight, ByteRange range);
  void widen(detail::Flight& flight, ByteRange range);
  void end(detail::Flight& flight, const Result<>& result);
  using Queued = std::vector<std::pair<detail::FlightPtr, TicketId>>;
  // Under the lock: of the transfers that `chosen` names and nobody but
  // `without` waits for, those that are queued; those that run will end.
  void pick_unwanted(detail::FileState& file, const detail::Waiter* without,
                     const std::function<bool(const detail::Flight&)>& chosen, Queued& queued);
  void withdraw(const Queued& queued);
  // Under the lock: tells the tuner.
  void measure(detail::Flight& flight, std::uint64_t bytes);
  void count_long(const detail::Flight& flight, int change);
  void disappoint(const detail::WaiterPtr& waiter, ByteRange range, const Error& error);
};

// A transfer, from the request for a slot to its end. Guarded by Impl::mutex.
class detail::Flight final : public TransferObserver, public std::enable_shared_from_this<Flight> {
 public:
  // Longer ones are bound by bandwidth, not by round trips.
  static constexpr std::uint64_t kLong = 2u << 20;

  Flight(std::shared_ptr<FillScheduler::Impl> impl, detail::FilePtr of, ByteRange asked, Priority p,
         bool guessed)
      : file(std::move(of)),
        guess(guessed),
        length(asked.size() >= kLong ? Length::lengthy : Length::brief),
        range(asked),
        reached(asked.begin),
        priority(p),
        urgent(p == Priority::demand),
        impl_(std::move(impl)) {}

  bool on_present(ByteRange present) override { return impl_->arrived(*this, present); }
  void on_range(ByteRange delivered) override { impl_->widen(*this, delivered); }
  void on_end(Result<> result) override { impl_->end(*this, result); }
  bool is_urgent() const override { return urgent; }

  // Nothing of one that leaves will come.
  [[nodiscard]] ByteRange pending() const {
    return leaving ? ByteRange{0, 0} : ByteRange{std::min(reached, range.end), range.end};
  }

  const detail::FilePtr file;
  const bool guess;  // made for nobody
  const Length length;
  ByteRange range;
  std::uint64_t reached;  // where the next bytes are expected
  Priority priority;
  std::atomic<bool> urgent;  // not guarded
  TicketId ticket = 0;
  bool running = false;
  bool whole = false;     // what is broken off would begin anew: never unwanted
  bool unwanted = false;  // is to end at the next chunk
  bool leaving = false;   // has been told so
  bool ended = false;
  SteadyTime started{};
  bool heard = false;  // its first bytes have come

 private:
  const std::shared_ptr<FillScheduler::Impl> impl_;
};

}  // namespace lazymirror
