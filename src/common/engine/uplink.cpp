// SPDX-License-Identifier: Apache-2.0
#include "engine/uplink.h"

#include <spdlog/spdlog.h>

#include <utility>

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

Uplink::Uplink(std::unique_ptr<Origin> origin, TransferQueue& queue)
    : queue_(queue), origin_(std::move(origin)) {}

Uplink::~Uplink() { close(); }

void Uplink::list(ListRequest request, Completion<ListingReply> done) {
  if (const Use origin(*this); origin) {
    origin->list(std::move(request), std::move(done));
    return;
  }
  done(stopping());
}

void Uplink::probe(const Url& url, SteadyTime deadline, Completion<ProbeReply> done) {
  if (const Use origin(*this); origin) {
    origin->probe(url, deadline, std::move(done));
    return;
  }
  done(stopping());
}

void Uplink::read(RangeRequest request, std::shared_ptr<RangeSink> sink) {
  if (const Use origin(*this); origin) {
    origin->read(std::move(request), std::move(sink));
    return;
  }
  sink->on_end(stopping());
}

void Uplink::set_offline(bool offline) {
  if (offline_.exchange(offline) != offline) {
    spdlog::info("engine: {}", offline ? "offline: only what is cached is served" : "online");
  }
  if (const Use origin(*this); origin) origin->set_offline(offline);
}

Result<> Uplink::set_proxy(const std::string& list) {
  if (const Use origin(*this); origin) return origin->set_proxy(list);
  return stopping();
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
