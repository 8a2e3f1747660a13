// SPDX-License-Identifier: Apache-2.0
#include "engine/free_space.h"

#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <algorithm>

namespace lazymirror {
namespace {

// While it is plenty, somebody else would have to write 2.5 GB a second.
constexpr Duration kStale{100};
constexpr std::uint64_t kMuch = 256u << 20;

constexpr Duration kShownSoon{2'000};
constexpr Duration kShownLate{35'000};  // btrfs writes a transaction every 30 s

Duration until_shown(int fd) {
  struct statfs fs {};
  return ::fstatfs(fd, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC ? kShownLate : kShownSoon;
}

std::uint64_t measure(int fd) {
  struct statvfs fs {};
  if (::fstatvfs(fd, &fs) != 0 || fs.f_blocks == 0) return UINT64_MAX;
  return std::uint64_t{fs.f_bavail} * fs.f_frsize;
}

}  // namespace

FreeSpace::FreeSpace(const Cache& cache, const Clock& clock)
    : cache_(cache), clock_(clock), shown_after_(until_shown(cache.data_fd())) {}

std::uint64_t FreeSpace::available(std::uint64_t plenty) {
  const SteadyTime now = clock_.now();
  const auto known = state_.with([&](const State& s) -> std::optional<std::uint64_t> {
    const bool fresh = s.measured != SteadyTime() && now - s.measured < kStale;
    if (!fresh || s.available < plenty || s.available - plenty < kMuch) return std::nullopt;
    return s.available;
  });
  if (known) return *known;
  const std::uint64_t measured = measure(cache_.data_fd());
  if (measured == UINT64_MAX) return measured;
  return state_.with([&](State& s) { return settle(s, now, measured); });
}

// What is missing of what there was together before is what is not shown yet,
// or what others have taken; no more than was given.
std::uint64_t FreeSpace::settle(State& state, SteadyTime now, std::uint64_t measured) const {
  state.measured = now;
  if (now - state.given_at > shown_after_) state.given = 0;
  const std::uint64_t together = measured + cache_.stored_bytes();
  const std::uint64_t missing = state.before > together ? state.before - together : 0;
  state.given = std::min(state.given, missing);
  state.available = measured + state.given;
  return state.available;
}

std::uint64_t FreeSpace::total() const {
  struct statvfs fs {};
  if (::fstatvfs(cache_.data_fd(), &fs) != 0) return 0;
  return std::uint64_t{fs.f_blocks} * fs.f_frsize;
}

void FreeSpace::note_giving() {
  if (state_.with([](const State& s) { return s.given > 0; })) return;
  const std::uint64_t measured = measure(cache_.data_fd());
  if (measured == UINT64_MAX) return;
  state_.with([&](State& s) {
    if (s.given == 0) s.before = measured + cache_.stored_bytes();
  });
}

void FreeSpace::note_given(std::uint64_t bytes) {
  state_.with([&](State& s) {
    s.given += bytes;
    s.given_at = clock_.now();
    s.measured = SteadyTime();
  });
}

}  // namespace lazymirror
