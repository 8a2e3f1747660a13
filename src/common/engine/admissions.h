// SPDX-License-Identifier: Apache-2.0
//
// Who may store bytes, and who waits for room. Counts what is on its way, so
// that what is stored and what is promised together stay within the limit.
//
// Threads: safe from any thread; no lock is held while a completion is called.
// One thread, the storage keeper's, makes room for those that wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "base/unique_function.h"
#include "engine/free_space.h"
#include "engine/space_policy.h"

namespace lazymirror {

// A promise of room. What is left of it is given back when it goes. Not
// synchronised.
class Room {
 public:
  using Promised = std::shared_ptr<std::atomic<std::uint64_t>>;
  Room(Promised promised, std::uint64_t bytes) : promised_(std::move(promised)), left_(bytes) {}
  ~Room() { *promised_ -= left_; }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  // So many bytes are in the cache now, which counts them.
  void stored(std::uint64_t bytes);
  // Takes over what another one has.
  void add(Room& other) { left_ += std::exchange(other.left_, 0); }
  [[nodiscard]] std::uint64_t left() const { return left_; }

 private:
  const Promised promised_;
  std::uint64_t left_;
};
using RoomPtr = std::unique_ptr<Room>;

class Admissions {
 public:
  struct Limits {
    std::uint64_t cache_size = 0, min_free = 0;
  };
  Admissions(Cache& cache, FreeSpace& free, Limits limits, const Clock& clock)
      : cache_(cache), free_(free), clock_(clock) {
    set_limits(limits);
  }

  // At once when there is room; else when there is, or Errc::no_space.
  void admit(std::uint64_t bytes, Completion<RoomPtr> done);
  // Now or not at all.
  [[nodiscard]] RoomPtr try_admit(std::uint64_t bytes);
  // Nothing is stored for so long: a write has failed, whatever is counted.
  void close(Duration for_so_long);
  // Something may have gone: who comes now is looked at anew.
  void reopen();
  // Requests were refused a moment ago: guesses are not worth it.
  [[nodiscard]] bool is_full() const;

  // --- for the keeper's thread ---

  // Until somebody waits for room, or `look_at`; false: stop() was called.
  [[nodiscard]] bool wait(SteadyTime look_at);
  // Has wait() return.
  void nudge();
  // Waits for so long, whoever waits for room; false: stop() was called.
  [[nodiscard]] bool pause(Duration for_so_long);
  [[nodiscard]] bool has_waiters() const;
  // Of who came last to wait; later ones have greater numbers.
  [[nodiscard]] std::uint64_t last_waiter() const;
  // What has to go for all that wait.
  [[nodiscard]] std::uint64_t lacking();
  [[nodiscard]] std::uint64_t lacking_for(std::uint64_t wanted);
  // Admits those that have come first, as long as there is room.
  void serve();
  // There is nothing more that could go for those up to `last`: admits whoever of
  // them fits, refuses the others, and for so long at once whoever does not fit.
  void refuse(std::uint64_t last, Duration for_so_long);
  // Completes all with Errc::cancelled, now and later.
  void stop();

  // What is stored beyond them goes when the keeper's thread looks: nudge().
  void set_limits(Limits limits) {
    cache_size_ = limits.cache_size;
    min_free_ = limits.min_free;
  }
  [[nodiscard]] Limits limits() const { return {cache_size_, min_free_}; }
  [[nodiscard]] std::uint64_t promised() const { return *promised_; }
  [[nodiscard]] std::uint64_t admitted() const { return admitted_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct Waiting {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    Completion<RoomPtr> done;
  };
  struct Served {
    Completion<RoomPtr> done;
    Result<RoomPtr> result;
  };
  [[nodiscard]] Space space(std::uint64_t available) const;
  [[nodiscard]] std::uint64_t available(std::uint64_t wanted);
  [[nodiscard]] RoomPtr take(std::uint64_t bytes, std::uint64_t available);
  static void tell(std::vector<Served> served);

  Cache& cache_;
  FreeSpace& free_;
  std::atomic<std::uint64_t> cache_size_{0}, min_free_{0};
  const Clock& clock_;
  const Room::Promised promised_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::atomic<std::uint64_t> admitted_{0}, refused_{0};

  mutable std::mutex mutex_;  // leaf: guards all below, and who adds to promised_
  std::condition_variable wake_, pause_;
  std::deque<Waiting> waiting_;
  std::uint64_t numbers_ = 0;
  std::uint64_t wanted_ = 0;     // by those that wait
  SteadyTime closed_until_{};    // for all
  SteadyTime hopeless_until_{};  // for those that do not fit
  bool nudged_ = false;
  bool stopped_ = false;
};

}  // namespace lazymirror
