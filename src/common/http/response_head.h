// SPDX-License-Identifier: Apache-2.0
//
// What the head of an answer says, taken from libcurl's header API as soon as
// the head is complete. Plain data: the judgement is in reply_check.h.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace lazymirror {

struct ResponseHead {
  long status = 0;
  int http_major = 1;
  std::optional<std::uint64_t> content_length;  // absent as well when the body is chunked
  std::string content_range, content_encoding, content_type;
  std::string etag, accept_ranges, cache_control, location;
  std::string last_modified_text;  // as sent
  std::optional<std::int64_t> last_modified, date, expires;
  std::optional<std::uint64_t> age;
  std::optional<Duration> retry_after;
  // A field that may stand only once stands twice with different values.
  // libcurl lets the last Content-Length win; we trust neither.
  bool ambiguous = false;
};

// Of the final answer (not of 1xx or of a proxy's CONNECT) that `easy` has got.
[[nodiscard]] ResponseHead read_head(CURL* easy);

}  // namespace lazymirror
