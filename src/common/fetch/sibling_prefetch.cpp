// SPDX-License-Identifier: Apache-2.0
#include "fetch/sibling_prefetch.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace lazymirror {

// --- the account ---

// Of the credit, for each stream that goes on.
std::uint64_t SiblingPrefetch::share() const {
  const auto lively = std::count_if(streams_.begin(), streams_.end(), [&](const Stream& stream) {
    return stream.run > 0 && uses_ - stream.used_at < kLively;
  });
  return credit_ / static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(lively, 1));
}

bool SiblingPrefetch::afford(const Stream& stream, const File& file, std::uint64_t share) const {
  return unused_bytes_ + cost_of(file) <= credit_ && stream.ahead_cost + cost_of(file) <= share;
}

// It is used, or left out.
void SiblingPrefetch::settle(Stream& stream, const Expected& hinted) {
  --stream.ahead;
  stream.ahead_cost -= cost_of(hinted.file);
}

void SiblingPrefetch::waste(Id file) {
  const auto found = unused_.find(file);
  if (found == unused_.end()) return;
  unused_bytes_ -= found->second;
  credit_ -= std::min(credit_, found->second);
  unused_.erase(found);
}

// --- streams ---

std::size_t SiblingPrefetch::window(const Stream& stream) {
  return stream.run < 2 ? 0 : std::min(2 * stream.run, kMostAhead);
}

void SiblingPrefetch::extend(Stream& stream) {
  const std::size_t count = std::max(kProbe, window(stream));
  if (stream.expected.size() - stream.looked_at > count / 2) return;
  const bool sure = stream.run >= kSure;
  for (const File& file : tree_.following(stream.order, stream.last, count, sure)) {
    stream.places[file.id] = stream.gone + stream.expected.size();
    stream.expected.push_back({.file = file});
    stream.last = file.id;
  }
}

// Two orders that look the same are one.
void SiblingPrefetch::open_streams(Id file) {
  const auto same = [](const Expected& a, const Expected& b) { return a.file.id == b.file.id; };
  Stream by_listing(Order::listing, file);
  Stream by_name(Order::name, file);
  extend(by_listing);
  extend(by_name);
  if (!std::equal(by_listing.expected.begin(), by_listing.expected.end(), by_name.expected.begin(),
                  by_name.expected.end(), same)) {
    streams_.push_front(std::move(by_name));
  }
  streams_.push_front(std::move(by_listing));
  while (streams_.size() > kStreams) {
    for (const Expected& e : streams_.back().expected) {
      if (e.hinted && !e.used) waste(e.file.id);
    }
    streams_.pop_back();
  }
}

void SiblingPrefetch::drop_front(Stream& stream) {
  const Expected& front = stream.expected.front();
  if (front.hinted && !front.used) {
    settle(stream, front);
    waste(front.file.id);
  }
  stream.places.erase(front.file.id);
  stream.expected.pop_front();
  ++stream.gone;
  if (stream.looked_at > 0) --stream.looked_at;
}

// How soon the stream that comes to it next expects the file.
std::size_t SiblingPrefetch::nearest(Id file) const {
  std::size_t soonest = SIZE_MAX;
  for (const Stream& stream : streams_) {
    const auto place = stream.places.find(file);
    if (place != stream.places.end()) soonest = std::min(soonest, place->second - stream.gone);
  }
  return soonest;
}

void SiblingPrefetch::mark_used(Stream& stream, std::size_t at) {
  Expected& now = stream.expected[at];
  if (now.hinted && !now.used) settle(stream, now);
  now.used = true;
}

// The file at `at` is used. Those before it are waited for a little, as several
// readers take turns; files that are large or were there already may be left out.
void SiblingPrefetch::advance(Stream& stream, std::size_t at) {
  mark_used(stream, at);
  for (std::size_t i = 0; i <= at; ++i) {
    stream.level = std::min(stream.level, stream.expected[i].file.level);
  }
  for (std::size_t before = at + 1; before > 0; --before) {
    const Expected& front = stream.expected.front();
    const bool skipped = !front.used && front.file.wanted;
    if (skipped && before <= kSlack) return;
    if (front.used) ++stream.run;
    if (skipped) stream.run = 0;
    drop_front(stream);
  }
  while (!stream.expected.empty() && stream.expected.front().used) {
    ++stream.run;
    drop_front(stream);
  }
}

// --- what to fetch ---

void SiblingPrefetch::look_ahead(Stream& stream, std::vector<Id>& hints) {
  const std::size_t most = window(stream);
  const std::uint64_t share_of_it = share();
  const std::size_t end = std::min(stream.expected.size(), std::max(most, kFarthest));
  while (stream.looked_at < end && stream.ahead < most) {
    Expected& next = stream.expected[stream.looked_at];
    stream.level_ahead = std::min(stream.level_ahead, next.file.level);
    if (stream.level_ahead < stream.level && stream.ahead >= kBeyond) return;
    if (next.file.wanted && !next.used && !unused_.contains(next.file.id)) {
      if (!afford(stream, next.file, share_of_it)) return;
      unused_.emplace(next.file.id, cost_of(next.file));
      unused_bytes_ += cost_of(next.file);
      next.hinted = true;
      ++stream.ahead;
      stream.ahead_cost += cost_of(next.file);
      hints.push_back(next.file.id);
    }
    ++stream.looked_at;
  }
}

std::vector<SiblingPrefetch::Id> SiblingPrefetch::on_use(Id file, std::uint64_t size,
                                                         bool missing) {
  const auto hit = unused_.find(file);
  if (missing || hit != unused_.end()) {
    credit_ = std::min(credit_ + size / kShare, kMostCredit);
  }
  if (hit != unused_.end()) {
    unused_bytes_ -= hit->second;
    unused_.erase(hit);
  }
  std::vector<Id> hints;
  ++uses_;
  const std::size_t soonest = nearest(file);
  const bool expected = soonest != SIZE_MAX;
  for (auto stream = streams_.begin(); stream != streams_.end();) {
    const auto next = std::next(stream);
    if (const auto place = stream->places.find(file); place != stream->places.end()) {
      const std::size_t at = place->second - stream->gone;
      // Far ahead, and near for another: a reader is there who goes before this one.
      if (at > std::max(soonest, kSlack)) {
        mark_used(*stream, at);
      } else {
        stream->used_at = uses_;
        advance(*stream, at);
        extend(*stream);
        look_ahead(*stream, hints);
        streams_.splice(streams_.begin(), streams_, stream);
      }
    }
    stream = next;
  }
  if (!expected) open_streams(file);
  return hints;
}

}  // namespace lazymirror
