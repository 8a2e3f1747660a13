// SPDX-License-Identifier: Apache-2.0
#include "engine/fill_sink.h"

#include <algorithm>
#include <utility>

#include "cache/record.h"

namespace lazymirror {

FillSink::FillSink(std::shared_ptr<MirrorFile> file, ByteRange asked, RoomPtr room,
                   std::shared_ptr<TransferObserver> observer)
    : file_(std::move(file)),
      asked_(asked),
      room_(std::move(room)),
      observer_(std::move(observer)) {}

FillSink::~FillSink() {
  if (counted_) --file_->whole_streams_;
}

Result<> FillSink::on_start(const Version& version, ByteRange range) {
  version_ = version;
  compares_ = file_->cached_->is_nameless();
  if (auto r = accept_range(version, range); !r) return r;
  if (auto bound = file_->cached_->bind(version); !bound) {
    if (bound.error().code == Errc::changed) seen_ = version;
    return bound;
  }
  auto writer = file_->cached_->write_from(range.begin);
  if (!writer) return not_stored(std::move(writer.error()));
  writer_ = std::move(*writer);
  end_ = range.end;
  if (range != asked_) observer_->on_range(range);
  return {};
}

// A server without ranges sends the whole file to whoever asks for a part: one
// such stream serves all. Two of a nameless file may be of two versions. Parts of a file without a
// validator cannot be told to be of one version, whatever the answers say by now.
Result<> FillSink::accept_range(const Version& version, ByteRange range) {
  const ByteRange whole{0, file_->size()};
  if (range == whole) {
    counted_ = true;
    const bool others = file_->whole_streams_++ > 0;
    if (range != asked_) file_->whole_only_ = true;
    yields_ = others && (compares_ || range != asked_);
    if (yields_) return fail(Errc::no_ranges, "the whole file is on its way already");
    return range == asked_ ? Result<>() : admit_whole();
  }
  if (range != asked_) return fail(Errc::bad_reply, "the origin sends another range");
  if (version.has_validator() && !compares_) return {};
  return fail(Errc::no_ranges, "the origin does not say which version it sends parts of");
}

// Room was promised for the part only. Those who wait ask again, for the whole,
// and may wait for room then.
Result<> FillSink::admit_whole() {
  const std::uint64_t whole = occupied(file_->size());
  if (room_->left() >= whole) return {};
  const auto more = file_->events_.try_admit(whole - room_->left());
  if (!more) return fail(Errc::no_ranges, "there is no room for the whole file at once");
  room_->add(*more);
  return {};
}

Failure FillSink::not_stored(Error error) {
  if (error.code == Errc::no_space) file_->events_.disk_is_full();
  return fail(std::move(error));
}

Result<> FillSink::on_bytes(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (compares_) {
    if (auto same = compare(offset, bytes); !same) return same;
  }
  if (!writer_) return fail(Errc::bad_reply, "more bytes than were asked for");
  auto present = writer_->append(bytes);
  if (!present) return not_stored(std::move(present.error()));
  if (present->empty()) return {};
  // Before anybody hears of it: a program is not run while it is open for writing.
  if (present->end == end_) writer_.reset();
  room_->stored(occupied(present->size()));
  const bool wanted = observer_->on_present(*present);
  announce_if_complete();
  if (!wanted) return fail(Errc::cancelled, "nobody waits for the rest");
  return {};
}

// A stream without a validator was broken off before, and the file comes once
// more. Where its bytes differ from those that came first, it is another
// version. Nothing may be added behind which bytes wait that have not been
// compared: after a power loss, or a damage, there can be some.
Result<> FillSink::compare(std::uint64_t offset, std::span<const std::byte> bytes) {
  const ByteRange range{offset, offset + bytes.size()};
  if (!file_->cached_->is_present(range)) {
    const auto missing = file_->cached_->first_missing(range);
    const std::uint64_t end =
        missing ? std::min(std::max(missing->begin, offset), range.end) : range.end;
    if (missing && file_->cached_->present_bytes() > end) return give_up();
    if (end == offset) return {};
    bytes = bytes.first(static_cast<std::size_t>(end - offset));
  }
  scratch_.resize(bytes.size());
  const auto count = file_->cached_->read(scratch_, offset, true);
  if (!count) return {};  // given back meanwhile
  if (std::equal(scratch_.begin(), scratch_.begin() + static_cast<std::ptrdiff_t>(*count),
                 bytes.begin())) {
    return {};
  }
  return give_up();
}

// What was shown of the file so far belongs to a version that is gone. Its bytes
// stay until a new generation has begun: nobody fills this one anew.
Failure FillSink::give_up() {
  file_->tainted_ = true;
  seen_ = version_;
  return fail(Errc::changed, file_->name() + " has changed at the origin while it was fetched");
}

void FillSink::announce_if_complete() {
  if (!file_->cached_->is_complete()) return;
  if (!file_->announced_.exchange(true)) file_->events_.completed(*file_);
}

void FillSink::on_end(Result<> result) {
  writer_.reset();
  room_.reset();
  if (std::exchange(counted_, false)) --file_->whole_streams_;
  file_->events_.answered();
  observer_->on_end(judge(std::move(result)));
}

// "Ask again, for the whole" is no error to those who wait: they do.
Result<> FillSink::judge(Result<> result) {
  if (result) return result;
  switch (result.error().code) {
    case Errc::no_ranges:
      if (yields_) return {};
      if (asked_ == ByteRange{0, file_->size()}) return result;
      file_->whole_only_ = true;
      return {};
    case Errc::changed:
      if (!file_->superseded_.exchange(true)) file_->events_.changed(*file_, seen_);
      return result;
    default: return result;
  }
}

}  // namespace lazymirror
