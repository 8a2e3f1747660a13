// SPDX-License-Identifier: Apache-2.0
//
// GET of a directory. The body may come in any content coding that libcurl can
// undo; the limit is on what comes out, so that a few compressed kilobytes
// cannot become gigabytes here.
#include "http/header_values.h"
#include "http/status.h"
#include "http/transfers.h"

namespace lazymirror {
namespace {

// A mark that is longer than any sane one is not worth keeping.
ListingValidator validator_of(const ResponseHead& head) {
  constexpr std::size_t kLongest = 512;
  ListingValidator validator{head.etag, head.last_modified_text};
  if (validator.etag.size() > kLongest) validator.etag.clear();
  if (!head.last_modified) validator.last_modified.clear();
  return validator;
}

// What relative links in the answer refer to, as a URL with a final '/'.
Url listing_base(const Url& asked, const Url& answered) {
  if (answered.path().ends_with('/')) return answered.as_directory();
  // Redirected to a document of the directory ("/a/" -> "/a/index.html")?
  if (answered.path().starts_with(asked.path())) {
    if (auto parent = answered.resolve("."); parent && parent->path().ends_with('/')) {
      return std::move(*parent);
    }
  }
  return answered.as_directory();
}

class ListTransfer final : public Transfer {
 public:
  ListTransfer(ListRequest request, std::size_t max_bytes, Completion<ListingReply> done)
      : Transfer(request.directory, "list"),
        request_(std::move(request)),
        max_bytes_(max_bytes),
        done_(std::move(done)) {
    reply_.emplace(ListingReply{{}, {}, request_.directory, {}});
  }

  Ask ask() override {
    Ask ask;
    ask.listing = true;
    ask.if_none_match = request_.known.etag;
    ask.if_modified_since = request_.known.last_modified;
    ask.past_caches = request_.past_caches;
    reply_->body.clear();
    return ask;
  }

  Result<BodyUse> on_head(const ResponseHead& head, const Url& from) override {
    // 203 is a 200 that a proxy has touched; good enough for links.
    reply_->unchanged = head.status == 304 && request_.known.any();
    if (head.status != 200 && head.status != 203 && !reply_->unchanged) {
      return fail(refusal(status_error(head.status)));
    }
    if (head.content_length.value_or(0) > max_bytes_) return too_large();
    reply_->base = listing_base(url(), from);
    reply_->content_type = head.content_type;
    reply_->max_age = freshness(head.cache_control, head.expires, head.date, head.age);
    reply_->validator = validator_of(head);
    return BodyUse::take;
  }

  Result<BodyUse> on_body(std::span<const std::byte> bytes) override {
    if (bytes.size() > max_bytes_ - reply_->body.size()) return too_large();
    reply_->body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return BodyUse::take;
  }

  bool is_patient() const override { return request_.patient; }
  Result<Step> on_complete() override { return Step::done; }
  Result<Step> on_redirect(const Url&, const Url&) override { return Step::follow; }

  void end(Result<> result) override {
    if (result) return done_(std::move(*reply_));
    done_(fail(std::move(result.error())));
  }

 private:
  Failure too_large() const {
    return refuse(Errc::bad_reply,
                  "the listing is larger than " + std::to_string(max_bytes_) + " bytes");
  }

  const ListRequest request_;
  std::size_t max_bytes_;
  Completion<ListingReply> done_;
  std::optional<ListingReply> reply_;
};

}  // namespace

std::unique_ptr<Transfer> make_list_transfer(ListRequest request, std::size_t max_bytes,
                                             Completion<ListingReply> done) {
  return std::make_unique<ListTransfer>(std::move(request), max_bytes, std::move(done));
}

}  // namespace lazymirror
