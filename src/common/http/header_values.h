// SPDX-License-Identifier: Apache-2.0
//
// The values of header fields, as bytes from a server that may be hostile.
// Pure functions; what does not parse is as if it had not been sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace lazymirror {

// OWS of RFC 9110 section 5.6.3: blanks and tabs around a value.
[[nodiscard]] std::string_view without_ows(std::string_view text);
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);  // ASCII case ignored

// Digits only, below 2^63.
[[nodiscard]] std::optional<std::uint64_t> parse_decimal(std::string_view text);

// Seconds since 1970 UTC, of any date form that RFC 9110 section 5.6.7 names.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(const std::string& text);

// The tag as sent when it is strong and well formed (RFC 9110 section 8.8.3),
// else empty: weak ones do not promise equal bytes, and unquoted ones are
// compared differently by different servers.
[[nodiscard]] std::string strong_etag(std::string_view text);

// How long a listing may be used without asking again (RFC 9111 section 5.2.2,
// 5.3): no-cache, no-store and max-age of Cache-Control, else Expires - Date; less
// the seconds that the answer has spent in caches on the way (Age, section 5.1).
[[nodiscard]] std::optional<Duration> freshness(std::string_view cache_control,
                                                std::optional<std::int64_t> expires,
                                                std::optional<std::int64_t> date,
                                                std::optional<std::uint64_t> age = {});

// Whether a Content-Encoding field leaves the bytes as they are.
[[nodiscard]] bool is_identity(std::string_view content_encoding);

}  // namespace lazymirror
