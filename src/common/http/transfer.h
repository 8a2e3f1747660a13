// SPDX-License-Identifier: Apache-2.0
//
// One question to the origin, over all its attempts. The network loop carries
// the attempts out: it does redirects, retries, waits and deadlines; a Transfer
// says what to ask, judges heads, takes bodies and knows what is still missing.
//
// Threads: used by the network thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/byte_range.h"
#include "base/result.h"
#include "base/url.h"
#include "http/response_head.h"

namespace lazymirror {

// One attempt's request.
struct Ask {
  bool head = false;     // HEAD instead of GET
  bool listing = false;  // any content coding, undone by libcurl
  bool bulk = false;     // content: large buffers
  // Long enough to be worth a connection of its own, with a window of its own:
  // then HTTP/1.1. Streams of one HTTP/2 connection share what it can bring.
  bool apart = false;
  std::optional<ByteRange> range;
  std::string if_range;
  std::string if_none_match, if_modified_since;
  bool past_caches = false;  // Cache-Control: no-cache
};

enum class BodyUse { take, skip };
enum class Step {
  done,        // end the transfer: it has its answer
  again,       // make another attempt, which is not a retry
  incomplete,  // the answer was shorter than promised: retry
  follow,      // (redirects) go where the server says
};

class Transfer {
 public:
  Transfer(Url url, std::string attempt) : url_(std::move(url)), attempt_(std::move(attempt)) {}
  virtual ~Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] const Url& url() const { return url_; }
  // "cannot read http://host/x: " and the reason.
  [[nodiscard]] Error refusal(Error reason) const {
    return with_context(std::move(reason), "cannot " + attempt_ + " " + url_.str());
  }

  [[nodiscard]] virtual Ask ask() = 0;
  // Of an answer that is neither a redirect nor transient. An error ends the
  // transfer with it. `from` is the URL that answered.
  [[nodiscard]] virtual Result<BodyUse> on_head(const ResponseHead& head, const Url& from) = 0;
  // Says whether it wants the rest; an error ends the transfer with it.
  [[nodiscard]] virtual Result<BodyUse> on_body(std::span<const std::byte> bytes) = 0;
  // The attempt's answer has come entirely, or was skipped.
  [[nodiscard]] virtual Result<Step> on_complete() = 0;
  [[nodiscard]] virtual Result<Step> on_redirect(const Url& from, const Url& to) = 0;

  // Bytes that will not be asked for again; they make a failure forgivable.
  [[nodiscard]] virtual std::uint64_t progress() const { return 0; }
  // Whether progress puts off the deadline (a long download).
  [[nodiscard]] virtual bool is_download() const { return false; }
  [[nodiscard]] virtual bool is_urgent() const { return true; }    // see RangeSink
  [[nodiscard]] virtual bool is_patient() const { return false; }  // see RangeRequest
  // Whether all that is wanted is there already: an answer that then ends badly has
  // done its work.
  [[nodiscard]] virtual bool has_all() const { return false; }
  // Whether another attempt can carry on where this one broke off.
  [[nodiscard]] virtual bool can_retry() const { return true; }

  // Reports to whoever asked. Called exactly once, last.
  virtual void end(Result<> result) = 0;

 protected:
  [[nodiscard]] Failure refuse(Errc code, std::string reason) const {
    return fail(refusal({code, std::move(reason), 0}));
  }

 private:
  Url url_;
  std::string attempt_;
};

}  // namespace lazymirror
