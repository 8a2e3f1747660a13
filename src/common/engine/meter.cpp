// SPDX-License-Identifier: Apache-2.0
#include "engine/meter.h"

#include <algorithm>
#include <utility>

namespace lazymirror {

// Between the origin and who has asked.
class Meter::Sink final : public RangeSink {
 public:
  Sink(Meter& meter, std::uint64_t number, TransferPtr transfer, Url url,
       std::shared_ptr<RangeSink> next)
      : meter_(meter),
        number_(number),
        transfer_(std::move(transfer)),
        url_(std::move(url)),
        next_(std::move(next)) {}

  Result<> on_start(const Version& version, ByteRange range) override {
    return next_->on_start(version, range);
  }
  Result<> on_bytes(std::uint64_t offset, std::span<const std::byte> bytes) override {
    transfer_->received.fetch_add(bytes.size(), std::memory_order_relaxed);
    meter_.bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
    return next_->on_bytes(offset, bytes);
  }
  void on_other_version(const Version& seen) override { next_->on_other_version(seen); }
  void on_end(Result<> result) override {
    meter_.transfers_.with([&](auto& transfers) { transfers.erase(number_); });
    meter_.ended(Kind::read, url_, result ? nullptr : &result.error());
    next_->on_end(std::move(result));
  }
  [[nodiscard]] bool is_urgent() const override { return next_->is_urgent(); }

 private:
  Meter& meter_;
  const std::uint64_t number_;
  const TransferPtr transfer_;
  const Url url_;
  const std::shared_ptr<RangeSink> next_;
};

namespace {

// Whether it was the origin that said so.
bool is_answer(Errc code) {
  return code == Errc::not_found || code == Errc::denied || code == Errc::changed ||
         code == Errc::no_ranges || code == Errc::bad_reply;
}

}  // namespace

void Meter::ended(Kind kind, const Url& url, const Error* error) {
  Counts& counts = of(kind);
  if (error == nullptr || is_answer(error->code)) answered_ns_ = clock_.wall_ns();
  if (error == nullptr) {
    ++counts.succeeded;
    return;
  }
  if (error->code == Errc::cancelled) {
    ++counts.cancelled;
    return;
  }
  ++counts.failed;
  PastError past{clock_.wall_ns(), "/" + path_of(url) + ": " + error->message};
  errors_.with([&](auto& errors) {
    errors.push_front(std::move(past));
    if (errors.size() > kErrors) errors.pop_back();
  });
}

std::shared_ptr<RangeSink> Meter::count(const RangeRequest& request,
                                        std::shared_ptr<RangeSink> sink) {
  started(Kind::read);
  auto transfer = std::make_shared<Transfer>();
  transfer->path = path_of(request.url);
  transfer->range = request.range;
  transfer->begin = clock_.now();
  const std::uint64_t number = next_++;
  transfers_.with([&](auto& transfers) { transfers.emplace(number, transfer); });
  return std::make_shared<Sink>(*this, number, std::move(transfer), request.url, std::move(sink));
}

std::string Meter::path_of(const Url& url) const {
  const std::string text = url.str();
  return text.starts_with(root_) ? text.substr(root_.size()) : text;
}

RequestCounts Meter::counted(Kind kind) const {
  const Counts& counts = counts_[static_cast<int>(kind)];
  return {counts.started, counts.succeeded, counts.failed, counts.cancelled};
}

void Meter::report(OriginReport& out) const {
  out.listings = counted(Kind::listing);
  out.probes = counted(Kind::probe);
  out.reads = counted(Kind::read);
  out.bytes_received = bytes_;
  if (const std::int64_t when = answered_ns_; when != 0) out.answered_ns = when;
  const auto under_way = transfers_.with([](const auto& transfers) {
    std::vector<TransferPtr> first;
    for (const auto& [number, transfer] : transfers) {
      if (first.size() < kTransfers) first.push_back(transfer);
    }
    return first;
  });
  for (const TransferPtr& transfer : under_way) {
    const auto elapsed = std::chrono::duration_cast<Duration>(clock_.now() - transfer->begin);
    const std::uint64_t received = transfer->received;
    const auto ms = static_cast<std::uint64_t>(std::max<Duration::rep>(elapsed.count(), 1));
    out.transfers.push_back({transfer->path, transfer->range.begin, transfer->range.end, received,
                             received * 1'000 / ms, elapsed});
  }
  out.errors = errors_.with(
      [](const auto& errors) { return std::vector<PastError>(errors.begin(), errors.end()); });
}

}  // namespace lazymirror
