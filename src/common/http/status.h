// SPDX-License-Identifier: Apache-2.0
//
// What an HTTP status or a libcurl code means for us. Pure.
#pragma once

#include <curl/curl.h>

#include <string>

#include "base/result.h"

namespace lazymirror {

// "503 (Service Unavailable)"; the bare number where the name is not known.
[[nodiscard]] std::string status_text(long status);

[[nodiscard]] bool is_redirect(long status);  // one that is followed

// 408, 429 and the 5xx that may pass: the same request may succeed later.
[[nodiscard]] bool is_transient(long status);

// 429 and 503: too many requests at once, as far as one can tell.
[[nodiscard]] bool asks_for_less(long status);

// For an answer that is not the one wanted; a sentence without subject.
[[nodiscard]] Error status_error(long status);

struct TransportFailure {
  Error error;
  bool transient = true;
};
// The code says that nobody could be reached: no name, no route, no connection.
// (A timeout may mean that too, see NetworkLoop.)
[[nodiscard]] bool is_without_contact(CURLcode code);
// `detail` is libcurl's error buffer, possibly empty.
[[nodiscard]] TransportFailure transport_failure(CURLcode code, const std::string& detail);

}  // namespace lazymirror
