// SPDX-License-Identifier: Apache-2.0
#include "engine/uncached_read.h"

#include <utility>

namespace lazymirror {

UncachedRead::UncachedRead(const Parts& parts, std::shared_ptr<MirrorFile> file, ByteRange range,
                           Completion<Bytes> done, FileEvents& events)
    : parts_(parts), file_(std::move(file)), range_(range), events_(events) {
  waiting_.with([&](Waiting& w) { w.done = std::move(done); });
}

void UncachedRead::start(const Parts& parts, std::shared_ptr<MirrorFile> file, ByteRange range,
                         RequestContext context, Completion<Bytes> done, FileEvents& events) {
  const auto self =
      std::make_shared<UncachedRead>(parts, std::move(file), range, std::move(done), events);
  self->arm(context.deadline);
  parts.queue.submit(context.priority, [self, deadline = context.deadline](TicketId ticket) {
    self->begin(ticket, deadline);
  });
}

void UncachedRead::arm(SteadyTime deadline) {
  const TimerId timer = parts_.timers.run_at(deadline, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->finish(fail(Errc::timeout, "the bytes did not come in time"));
    }
  });
  const bool waits = waiting_.with([&](Waiting& w) {
    w.timer = timer;
    return static_cast<bool>(w.done);
  });
  if (!waits) parts_.timers.cancel(timer);
}

void UncachedRead::begin(TicketId ticket, SteadyTime deadline) {
  ticket_ = ticket;
  const ByteRange whole{0, file_->size()};
  parts_.uplink.read({file_->url(), range_, file_->version(), range_ == whole, deadline, true},
                     shared_from_this());
}

Result<> UncachedRead::on_start(const Version& version, ByteRange range) {
  if (!range.contains(range_)) return fail(Errc::bad_reply, "the origin sends another range");
  const bool is_part = !version.has_validator() && range_ != ByteRange{0, file_->size()};
  if (is_part || file_->cached().is_nameless()) {
    return fail(Errc::no_space,
                "there is no room left in the cache, and the origin names no version of the file "
                "by which it could be read in parts");
  }
  auto bound = file_->bind(version);
  if (!bound && bound.error().code == Errc::changed) seen_ = version;
  return bound;
}

Result<> UncachedRead::on_bytes(std::uint64_t offset, std::span<const std::byte> bytes) {
  const ByteRange wanted = ByteRange{offset, offset + bytes.size()}.intersect(range_);
  if (!wanted.empty()) {
    const auto part = bytes.subspan(static_cast<std::size_t>(wanted.begin - offset),
                                    static_cast<std::size_t>(wanted.size()));
    bytes_.insert(bytes_.end(), part.begin(), part.end());
  }
  if (bytes_.size() < range_.size()) return {};
  finish(std::exchange(bytes_, {}));
  return fail(Errc::cancelled, "the rest is not needed");  // of a server without ranges
}

void UncachedRead::on_end(Result<> result) {
  parts_.uplink.note_answer();
  if (!result && result.error().code == Errc::changed) events_.changed(*file_, seen_);
  if (result) result = fail(Errc::bad_reply, "the origin sent less than was asked for");
  finish(fail(std::move(result.error())));
  parts_.queue.release(ticket_);
}

// The first one counts.
void UncachedRead::finish(Result<Bytes> result) {
  auto waiting = waiting_.with([](Waiting& w) { return std::exchange(w, {}); });
  if (!waiting.done) return;
  if (waiting.timer != 0) parts_.timers.cancel(waiting.timer);
  waiting.done(std::move(result));
}

}  // namespace lazymirror
