// SPDX-License-Identifier: Apache-2.0
#include "engine/mirror_file.h"

#include <utility>

#include "cache/record.h"
#include "engine/fill_sink.h"

namespace lazymirror {
namespace {

// Uses that follow each other so closely are one.
constexpr std::int64_t kOneUseNs = 10'000'000;

}  // namespace

MirrorFile::MirrorFile(const Entry& entry, Url url, std::shared_ptr<CachedFile> cached,
                       FileEvents& events)
    : parent_(entry.parent),
      name_(entry.name),
      url_(std::move(url)),
      cached_(std::move(cached)),
      events_(events),
      read_ahead_(std::in_place, cached_->size()) {}

Result<> MirrorFile::check_usable() const {
  if (!tainted_) return {};
  return fail(Errc::changed, name_ + " has changed at the origin since it was opened");
}

bool MirrorFile::is_present(ByteRange range) { return !tainted_ && cached_->is_present(range); }

bool MirrorFile::is_complete() { return !tainted_ && cached_->is_complete(); }

Result<std::size_t> MirrorFile::read(std::span<std::byte> out, std::uint64_t offset,
                                     bool drop_behind) {
  auto count = cached_->read(out, offset, drop_behind);
  // Looked at afterwards: the bytes may have been given up while they were read.
  if (auto usable = check_usable(); !usable) return fail(std::move(usable.error()));
  return count;
}

Result<UniqueFd> MirrorFile::backing_fd() {
  if (auto usable = check_usable(); !usable) return fail(std::move(usable.error()));
  return cached_->backing_fd();
}

std::optional<ByteRange> MirrorFile::first_missing(ByteRange range) {
  if (tainted_) return range.empty() ? std::nullopt : std::optional(range);
  return cached_->first_missing(range);
}

ByteRange MirrorFile::request_for(ByteRange missing) {
  const ByteRange whole{0, size()};
  if (whole_only_ || !events_.ranges_supported()) return whole;
  if (size() <= kSmall && cached_->present_bytes() == 0) return whole;
  return missing;
}

void MirrorFile::start(ByteRange range, SteadyTime deadline,
                       std::shared_ptr<TransferObserver> observer) {
  if (superseded_) {
    return observer->on_end(fail(Errc::changed, name_ + " has changed at the origin"));
  }
  events_.admit(occupied(range.size()), [self = shared_from_this(), range, deadline,
                                         observer = std::move(observer)](Result<RoomPtr> room) {
    if (!room) return observer->on_end(fail(std::move(room.error())));
    self->start_in(std::move(*room), range, deadline, observer);
  });
}

void MirrorFile::start_in(RoomPtr room, ByteRange range, SteadyTime deadline,
                          std::shared_ptr<TransferObserver> observer) {
  const bool whole = range == ByteRange{0, size()};
  RangeRequest request{url_, range, cached_->version(), whole, deadline, true};
  events_.read_range(
      std::move(request),
      std::make_shared<FillSink>(shared_from_this(), range, std::move(room), std::move(observer)));
}

std::shared_ptr<void> MirrorFile::hold_open() {
  ++opens_;
  return {this, [self = shared_from_this()](void*) { --self->opens_; }};
}

void MirrorFile::note_use(std::int64_t wall_ns) {
  const std::int64_t since = wall_ns - noted_ns_.load(std::memory_order_relaxed);
  if (since >= 0 && since < kOneUseNs) return;  // before: the clock was put back
  noted_ns_.store(wall_ns, std::memory_order_relaxed);
  cached_->note_use(wall_ns);
}

std::optional<ReadAhead::Guess> MirrorFile::note_read(ByteRange range, std::uint64_t window) {
  if (superseded_ || events_.is_cache_full()) return std::nullopt;
  return read_ahead_.with([&](ReadAhead& ahead) { return ahead.on_read(range, window); });
}

void MirrorFile::forget_reads() {
  read_ahead_.with([&](ReadAhead& ahead) { ahead = ReadAhead(size()); });
}

}  // namespace lazymirror
