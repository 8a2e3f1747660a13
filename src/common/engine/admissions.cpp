// SPDX-License-Identifier: Apache-2.0
#include "engine/admissions.h"

#include <algorithm>
#include <utility>

namespace lazymirror {
namespace {

Failure no_room() {
  return fail(Errc::no_space, "the cache is full, and what is in it is pinned or in use");
}

Failure stopping() { return fail(Errc::cancelled, "the daemon is stopping"); }

}  // namespace

void Room::stored(std::uint64_t bytes) {
  const std::uint64_t part = std::min(bytes, left_);
  left_ -= part;
  *promised_ -= part;
}

Space Admissions::space(std::uint64_t available) const {
  return {cache_size_, cache_.stored_bytes(), *promised_, available, min_free_};
}

// Measured without the lock: it is a system call. Blocks that are reserved for
// an open file are taken by nobody, and come back: they may eat into what stays
// free, but are not there for others.
std::uint64_t Admissions::available(std::uint64_t wanted) {
  const std::uint64_t min_free = min_free_;
  const std::uint64_t plenty = min_free + *promised_ + wanted;
  const std::uint64_t free = free_.available(plenty);
  return free < plenty ? free + std::min(cache_.reserved_bytes(), min_free) : free;
}

// REQUIRES: the lock is held.
RoomPtr Admissions::take(std::uint64_t bytes, std::uint64_t available) {
  if (lazymirror::lacking(space(available), bytes) > 0) return nullptr;
  *promised_ += bytes;
  ++admitted_;
  return std::make_unique<Room>(promised_, bytes);
}

void Admissions::admit(std::uint64_t bytes, Completion<RoomPtr> done) {
  const std::uint64_t free = available(bytes);
  const SteadyTime now = clock_.now();
  Result<RoomPtr> result;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      result = stopping();
    } else if (now < closed_until_) {
      result = no_room();
    } else if (waiting_.empty()) {
      result = take(bytes, free);
    }
    if (result && !*result && now < hopeless_until_) result = no_room();
    if (result && !*result) {
      waiting_.push_back({++numbers_, bytes, std::move(done)});
      wanted_ += bytes;
      wake_.notify_one();
      return;
    }
  }
  if (!result) ++refused_;
  done(std::move(result));
}

RoomPtr Admissions::try_admit(std::uint64_t bytes) {
  const std::uint64_t free = available(bytes);
  const std::lock_guard lock(mutex_);
  if (stopped_ || !waiting_.empty() || clock_.now() < closed_until_) return nullptr;
  return take(bytes, free);
}

void Admissions::close(Duration for_so_long) {
  const std::lock_guard lock(mutex_);
  closed_until_ = clock_.now() + for_so_long;
}

void Admissions::reopen() {
  const std::lock_guard lock(mutex_);
  closed_until_ = hopeless_until_ = SteadyTime();
}

bool Admissions::is_full() const {
  const std::lock_guard lock(mutex_);
  return clock_.now() < std::max(closed_until_, hopeless_until_);
}

// --- the keeper's thread ---

bool Admissions::wait(SteadyTime look_at) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, look_at, [&] { return stopped_ || nudged_ || !waiting_.empty(); });
  nudged_ = false;
  return !stopped_;
}

bool Admissions::pause(Duration for_so_long) {
  std::unique_lock lock(mutex_);
  return !pause_.wait_for(lock, for_so_long, [&] { return stopped_; });
}

void Admissions::nudge() {
  const std::lock_guard lock(mutex_);
  nudged_ = true;
  wake_.notify_one();
}

bool Admissions::has_waiters() const {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

std::uint64_t Admissions::last_waiter() const {
  const std::lock_guard lock(mutex_);
  return numbers_;
}

std::uint64_t Admissions::lacking() {
  std::uint64_t wanted = 0;
  {
    const std::lock_guard lock(mutex_);
    wanted = wanted_;
  }
  return lacking_for(wanted);
}

std::uint64_t Admissions::lacking_for(std::uint64_t wanted) {
  return lazymirror::lacking(space(available(wanted)), wanted);
}

void Admissions::serve() {
  const std::uint64_t free = available(0);
  std::vector<Served> served;
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty()) {
      auto room = take(waiting_.front().bytes, free);
      if (!room) break;
      wanted_ -= waiting_.front().bytes;
      served.push_back({std::move(waiting_.front().done), std::move(room)});
      waiting_.pop_front();
    }
  }
  tell(std::move(served));
}

void Admissions::refuse(std::uint64_t last, Duration for_so_long) {
  const std::uint64_t free = available(0);
  std::vector<Served> served;
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty() && waiting_.front().number <= last) {
      Waiting waiting = std::move(waiting_.front());
      waiting_.pop_front();
      wanted_ -= waiting.bytes;
      Result<RoomPtr> result = take(waiting.bytes, free);
      if (!*result) {
        result = no_room();
        ++refused_;
        hopeless_until_ = clock_.now() + for_so_long;
      }
      served.push_back({std::move(waiting.done), std::move(result)});
    }
  }
  tell(std::move(served));
}

void Admissions::stop() {
  std::deque<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    left.swap(waiting_);
    wanted_ = 0;
    wake_.notify_all();
    pause_.notify_all();
  }
  for (Waiting& waiting : left) waiting.done(stopping());
}

void Admissions::tell(std::vector<Served> served) {
  for (Served& each : served) each.done(std::move(each.result));
}

}  // namespace lazymirror
