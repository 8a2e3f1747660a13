// SPDX-License-Identifier: Apache-2.0
//
// A range of a file, or all of it. Attempts that break off are resumed at the
// first missing byte, provided that the version has a validator; the sink sees
// one gapless sequence of bytes of one version.
#include <ctime>
#include <utility>

#include "http/content_range.h"
#include "http/reply_check.h"
#include "http/status.h"
#include "http/transfers.h"

namespace lazymirror {
namespace {

constexpr std::uint64_t kLong = 2u << 20;

SteadyTime now() { return std::chrono::steady_clock::now(); }

class ReadTransfer final : public Transfer {
 public:
  ReadTransfer(RangeRequest request, std::shared_ptr<RangeSink> sink, OriginFacts& facts)
      : Transfer(request.url, "read"),
        wanted_(request.range),
        known_(std::move(request.expected)),
        whole_(request.whole_file),
        patient_(request.patient),
        sink_(std::move(sink)),
        facts_(facts) {}

  Ask ask() override {
    Ask ask;
    ask.head = confirming_;
    if (confirming_) return ask;
    ask.bulk = true;
    ask.range = asked_ = range_to_ask();
    ask.apart = bytes_to_come() >= kLong;
    if (asked_ && known_ && conditional_) ask.if_range = if_range_value(*known_);
    return ask;
  }

  Result<BodyUse> on_head(const ResponseHead& head, const Url&) override {
    if (confirming_) return confirm(head);
    if (head.status == 416 && asked_) return refused_range(head);
    if (head.status == 304 && std::exchange(conditional_, false)) return ask_again();
    if (head.status != 200 && head.status != 206) return fail(refusal(status_error(head.status)));
    const Asked asked{asked_, known_, std::time(nullptr)};
    auto accepted = check_content(head, asked);
    if (!accepted) {
      const auto seen = stated_version(head, asked);
      if (seen && accepted.error().code == Errc::changed) sink_->on_other_version(*seen);
      return fail(refusal(std::move(accepted.error())));
    }
    note_ranges(head, accepted->version);
    body_ = accepted->body;
    if (!started_) {
      if (auto r = start(head.status == 206, accepted->version); !r) return fail(r.error());
    }
    return BodyUse::take;
  }

  // An answer with all of the file (200) may repeat what an earlier attempt
  // brought, and go on behind the end of what is wanted.
  Result<BodyUse> on_body(std::span<const std::byte> bytes) override {
    if (bytes.size() > body_.size()) {
      return refuse(Errc::bad_reply, "the server sent more bytes than it had announced");
    }
    const ByteRange got{body_.begin, body_.begin + bytes.size()};
    body_.begin = got.end;
    const ByteRange fresh = got.intersect({next_, goal_.end});
    if (!fresh.empty()) {
      next_ = fresh.end;
      auto r = sink_->on_bytes(fresh.begin,
                               bytes.subspan(static_cast<std::size_t>(fresh.begin - got.begin),
                                             static_cast<std::size_t>(fresh.size())));
      if (!r) return fail(std::move(r.error()));
    }
    return next_ == goal_.end && !body_.empty() ? BodyUse::skip : BodyUse::take;
  }

  Result<Step> on_complete() override {
    if (std::exchange(again_, false)) return Step::again;
    return has_all() ? Step::done : Step::incomplete;
  }

  Result<Step> on_redirect(const Url& from, const Url& to) override {
    if (to.path() != from.path() + "/") return Step::follow;
    return refuse(Errc::is_a_directory, "it is a directory");
  }

  std::uint64_t progress() const override { return started_ ? next_ - goal_.begin : 0; }
  bool is_download() const override { return true; }
  bool is_urgent() const override { return sink_->is_urgent(); }
  bool is_patient() const override { return patient_; }
  bool has_all() const override { return started_ && next_ == goal_.end; }
  bool can_retry() const override { return progress() == 0 || known_->has_validator(); }
  void end(Result<> result) override { sink_->on_end(std::move(result)); }

 private:
  std::optional<ByteRange> range_to_ask() const {
    const bool ranges = facts_.ranges_supported(now());
    if (!started_) return whole_ || !ranges ? std::nullopt : std::optional(wanted_);
    const bool from_the_start = next_ == 0 && goal_.end == known_->size;
    return from_the_start || !ranges ? std::nullopt : std::optional(ByteRange{next_, goal_.end});
  }

  [[nodiscard]] std::uint64_t bytes_to_come() const {
    if (asked_) return asked_->size();
    return known_ ? known_->size : wanted_.size();
  }

  Result<> start(bool partial, const Version& version) {
    goal_ = partial ? ByteRange{asked_->begin, std::min(asked_->end, version.size)} : body_;
    next_ = goal_.begin;
    known_ = version;
    started_ = true;
    return sink_->on_start(version, goal_);
  }

  void note_ranges(const ResponseHead& head, const Version& version) {
    if (!asked_) return;
    if (head.status == 206) return facts_.range_served();
    if (asked_->begin == 0 && asked_->end >= version.size) return;  // it did ask for all
    facts_.range_ignored(head, url().str(), now());
  }

  // 416 to a range that should lie within the file. Apache and others do not
  // say how long the file is now, so that has to be asked.
  Result<BodyUse> refused_range(const ResponseHead& head) {
    const auto range = parse_content_range(head.content_range);
    if (!range || !range->total) {
      confirming_ = true;
      return ask_again();
    }
    return range_refused_for(*range->total);
  }

  Result<BodyUse> confirm(const ResponseHead& head) {
    if (head.status == 404 || head.status == 410) return fail(refusal(status_error(head.status)));
    const auto size = head.status == 200 ? probed_size(head) : std::nullopt;
    if (!size) return refuse(Errc::changed, "the file has changed at the origin");
    const Version seen = version_of(head, *size, std::time(nullptr));
    if (known_ && known_->has_validator() && !same_version(*known_, seen)) {
      return refuse(Errc::changed, "the file has changed at the origin");
    }
    return range_refused_for(*size);
  }

  Failure range_refused_for(std::uint64_t size) const {
    if (known_ && known_->size == size) {
      return refuse(Errc::bad_reply, "the server refuses a range that lies within the file");
    }
    return refuse(Errc::changed, "the file has changed at the origin: it is now " +
                                     std::to_string(size) + " bytes");
  }

  Result<BodyUse> ask_again() {
    again_ = true;
    return BodyUse::skip;
  }

  ByteRange wanted_;
  std::optional<Version> known_;  // what is expected, then what the first answer had
  bool whole_;
  const bool patient_;
  std::shared_ptr<RangeSink> sink_;
  OriginFacts& facts_;
  bool conditional_ = true;  // If-Range may be sent
  bool confirming_ = false;  // a bare 416 came: HEAD decides what it meant
  bool again_ = false;
  bool started_ = false;            // on_start() was called; from then on:
  ByteRange goal_;                  // what it announced
  std::uint64_t next_ = 0;          // the next byte for the sink
  std::optional<ByteRange> asked_;  // by this attempt
  ByteRange body_;                  // what is still to come in this attempt's body
};

}  // namespace

std::unique_ptr<Transfer> make_read_transfer(RangeRequest request, std::shared_ptr<RangeSink> sink,
                                             OriginFacts& facts) {
  return std::make_unique<ReadTransfer>(std::move(request), std::move(sink), facts);
}

}  // namespace lazymirror
