// SPDX-License-Identifier: Apache-2.0
#include "cache/known_entry.h"

#include <algorithm>

#include "cache/catalog_impl.h"

namespace lazymirror {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t floor_to(std::int64_t ns, std::int64_t resolution_s) {
  const std::int64_t step = std::max<std::int64_t>(1, resolution_s) * kSecond;
  const std::int64_t rest = ns % step;
  return ns - (rest < 0 ? rest + step : rest);
}

// Two listed times can be told apart only as far as both are exact. Local times
// and UTC cannot be compared at all.
bool differ(const std::optional<ListedTime>& before, const std::optional<ListedTime>& now) {
  if (!before || !now || before->zone_known != now->zone_known) return false;
  const auto resolution = std::max(before->resolution_s, now->resolution_s);
  return floor_to(before->unix_ns, resolution) != floor_to(now->unix_ns, resolution);
}

// The listing now says what a probe had said before: no new version.
bool catches_up(const Known& known, const ListedSize& size, const std::optional<ListedTime>& time) {
  if (size && size != known.size) return false;
  if (!known.last_modified || !time || !time->zone_known) return false;
  return floor_to(nanoseconds_of(*known.last_modified), time->resolution_s) ==
         floor_to(time->unix_ns, time->resolution_s);
}

}  // namespace

bool is_resized(const Known& known, const ListedSize& size) {
  return size && (known.listed_size ? size != known.listed_size : known.size && size != known.size);
}

std::optional<std::int64_t> moved_by(const Known& known, const std::optional<ListedTime>& time) {
  const auto& before = known.listed_time;
  const bool comparable = known.kind == EntryKind::file && before && time &&
                          before->zone_known == time->zone_known &&
                          before->resolution_s == time->resolution_s;
  std::int64_t by = 0;
  if (!comparable || __builtin_sub_overflow(time->unix_ns, before->unix_ns, &by)) {
    return std::nullopt;
  }
  return by;
}

bool can_be_of_zones(std::int64_t moved_ns) {
  constexpr std::int64_t kQuarter = 900 * kSecond;
  constexpr std::int64_t kMost = 104 * kQuarter;
  return moved_ns != 0 && moved_ns % kQuarter == 0 && moved_ns >= -kMost && moved_ns <= kMost;
}

bool may_catch_up(const Known& known, const ListedSize& size,
                  const std::optional<ListedTime>& time) {
  if (size && size != known.size) return false;
  if (!known.last_modified || !time || time->zone_known) return false;
  const std::int64_t met = floor_to(nanoseconds_of(*known.last_modified), time->resolution_s);
  std::int64_t by = 0;
  if (__builtin_sub_overflow(floor_to(time->unix_ns, time->resolution_s), met, &by)) return false;
  return by == 0 || can_be_of_zones(by);
}

bool is_new_version(const Known& known, const ListedSize& size,
                    const std::optional<ListedTime>& time) {
  const bool resized = is_resized(known, size);
  if (!resized && !differ(known.listed_time, time)) return false;
  // A listing that caught up in size alone is decided by its size.
  if (resized && size == known.size && !differ(known.listed_time, time)) return false;
  return !catches_up(known, size, time);
}

}  // namespace lazymirror
