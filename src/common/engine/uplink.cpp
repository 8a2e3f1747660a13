// SPDX-License-Identifier: Apache-2.0
#include "engine/uplink.h"

#include <utility>

#include "base/log.h"

namespace lazymirror {
namespace {

Failure stopping() { return fail(Errc::cancelled, "the daemon is stopping"); }

}  // namespace

class Uplink::Use {
 public:
  explicit Use(Uplink& uplink) : uplink_(uplink) {
    const std::lock_guard lock(uplink_.mutex_);
    granted_ = !uplink_.closed_;
    if (granted_) ++uplink_.uses_;
  }
  ~Use() {
    if (!granted_) return;
    const std::lock_guard lock(uplink_.mutex_);
    if (--uplink_.uses_ == 0) uplink_.unused_.notify_all();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  explicit operator bool() const { return granted_; }
  Origin* operator->() const { return uplink_.origin_.get(); }

 private:
  Uplink& uplink_;
  bool granted_ = false;
};

Uplink::Uplink(std::unique_ptr<Origin> origin, TransferQueue& queue, Meter& meter)
    : queue_(queue), meter_(meter), origin_(std::move(origin)) {}

Uplink::~Uplink() { close(); }

template <typename Reply>
Completion<Reply> Uplink::counted(Meter::Kind kind, const Url& url, Completion<Reply> done) {
  meter_.started(kind);
  return [this, kind, url, done = std::move(done)](Result<Reply> reply) mutable {
    meter_.ended(kind, url, reply ? nullptr : &reply.error());
    done(std::move(reply));
  };
}

void Uplink::list(ListRequest request, Completion<ListingReply> done) {
  if (const Use origin(*this); origin) {
    done = counted(Meter::Kind::listing, request.directory, std::move(done));
    origin->list(std::move(request), std::move(done));
    return;
  }
  done(stopping());
}

void Uplink::probe(const Url& url, SteadyTime deadline, Completion<ProbeReply> done) {
  if (const Use origin(*this); origin) {
    origin->probe(url, deadline, counted(Meter::Kind::probe, url, std::move(done)));
    return;
  }
  done(stopping());
}

void Uplink::read(RangeRequest request, std::shared_ptr<RangeSink> sink) {
  if (const Use origin(*this); origin) {
    auto counting = meter_.count(request, std::move(sink));
    origin->read(std::move(request), std::move(counting));
    return;
  }
  sink->on_end(stopping());
}

void Uplink::set_offline(bool offline) {
  if (offline_.exchange(offline) != offline) {
    log::info("engine: {}", offline ? "offline: only what is cached is served" : "online");
  }
  if (const Use origin(*this); origin) origin->set_offline(offline);
}

Result<> Uplink::set_proxy(const std::string& list) {
  if (const Use origin(*this); origin) return origin->set_proxy(list);
  return stopping();
}

void Uplink::set_bandwidth_limit(std::uint64_t bytes_per_second) {
  if (const Use origin(*this); origin) origin->set_bandwidth_limit(bytes_per_second);
}

bool Uplink::is_away() {
  if (offline_) return true;
  const Use origin(*this);
  return origin && origin->is_away();
}

bool Uplink::ranges_supported() {
  const Use origin(*this);
  return !origin || origin->ranges_supported();
}

OriginHealth Uplink::health() {
  const Use origin(*this);
  return origin ? origin->health() : OriginHealth{};
}

void Uplink::note_answer() {
  unsigned capacity = 0;
  if (const Use origin(*this); origin) capacity = origin->capacity();
  if (capacity > 0) queue_.set_capacity(capacity);
}

std::optional<Lane> Uplink::lane() {
  std::optional<Lane> lane;
  if (const Use origin(*this); origin) lane = origin->lane();
  if (!lane) return lane;
  lane->run = [this, run = std::move(lane->run)](UniqueFunction<void()> job) {
    if (const Use origin(*this); origin) run(std::move(job));
  };
  return lane;
}

void Uplink::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  unused_.wait(lock, [&] { return uses_ == 0; });
  const auto origin = std::move(origin_);
  lock.unlock();
}

}  // namespace lazymirror
