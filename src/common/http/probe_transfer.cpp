// SPDX-License-Identifier: Apache-2.0
//
// What a URL is. HEAD first; a one-byte range where HEAD is refused (405, 416, 501)
// or states no length: Apache leaves it out for empty files, generators always.
#include <ctime>

#include "http/header_values.h"
#include "http/reply_check.h"
#include "http/status.h"
#include "http/transfers.h"

namespace lazymirror {
namespace {

class ProbeTransfer final : public Transfer {
 public:
  ProbeTransfer(const Url& url, Completion<ProbeReply> done)
      : Transfer(url, "look up"), done_(std::move(done)) {}

  Ask ask() override {
    Ask ask;
    ask.head = !by_range_;
    if (by_range_) ask.range = ByteRange{0, 1};
    return ask;
  }

  Result<BodyUse> on_head(const ResponseHead& head, const Url& from) override {
    known_ = judge(head, from);
    if (known_) return BodyUse::skip;
    // 416: a cache that fetches slices turns HEAD into a range.
    const bool may_be_file =
        head.status == 200 || head.status == 405 || head.status == 416 || head.status == 501;
    if (!by_range_ && may_be_file) return BodyUse::skip;  // ask in the other way
    if (head.status == 200 || head.status == 206 || head.status == 416) {
      return refuse(Errc::bad_reply, "the server states no usable length");
    }
    return fail(refusal(status_error(head.status)));
  }

  Result<BodyUse> on_body(std::span<const std::byte>) override { return BodyUse::skip; }

  bool is_patient() const override { return true; }

  Result<Step> on_complete() override {
    if (known_) return Step::done;
    by_range_ = true;
    return Step::again;
  }

  Result<Step> on_redirect(const Url& from, const Url& to) override {
    if (to.path() != from.path() + "/") return Step::follow;
    reply_.is_directory = true;
    return Step::done;
  }

  void end(Result<> result) override {
    if (result) return done_(std::move(reply_));
    done_(fail(std::move(result.error())));
  }

 private:
  // Whether `head` answers the question; the answer goes to reply_.
  bool judge(const ResponseHead& head, const Url& from) {
    if (from.path().ends_with('/') && (head.status == 200 || head.status == 206)) {
      reply_.is_directory = true;
      return true;
    }
    const bool error = !by_range_ && head.status != 200;
    const auto size = error ? std::nullopt : probed_size(head);
    if (size) reply_.version = version_of(head, *size, std::time(nullptr));
    return size.has_value();
  }

  Completion<ProbeReply> done_;
  ProbeReply reply_;
  bool by_range_ = false;
  bool known_ = false;
};

}  // namespace

std::unique_ptr<Transfer> make_probe_transfer(const Url& url, Completion<ProbeReply> done) {
  return std::make_unique<ProbeTransfer>(url, std::move(done));
}

}  // namespace lazymirror
