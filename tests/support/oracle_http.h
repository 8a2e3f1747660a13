// SPDX-License-Identifier: Apache-2.0
//
// The little HTTP that the oracle origin speaks: parsing of a request head,
// Range (RFC 9110 section 14.1.2), dates (section 5.6.7), percent codes, base64.
// Pure; independent of the product's own code on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lazymirror::testing {

struct RequestHead {
  std::string method, target, path;  // path: decoded, without the query
  std::vector<std::string> headers;  // "Name: value"
  bool keep_alive = true;

  // The value of the first header of that name, case ignored; empty if none.
  [[nodiscard]] std::string header(std::string_view name) const;
};

// `text` is everything up to and with the empty line. Nothing when malformed.
[[nodiscard]] std::optional<RequestHead> parse_request(std::string_view text);

struct ByteSpan {
  std::uint64_t begin = 0, end = 0;  // half open
  [[nodiscard]] std::uint64_t size() const { return end - begin; }
};

enum class RangeVerdict { whole, part, unsatisfiable };  // whole: no or unusable Range

// What a Range header asks of a representation of `size` bytes. Several ranges
// are ignored, as RFC 9110 section 14.2 allows.
RangeVerdict parse_range(std::string_view value, std::uint64_t size, ByteSpan& out);

[[nodiscard]] std::string http_date(std::int64_t unix_seconds);  // Thu, 29 Feb 2024 23:59:00 GMT
[[nodiscard]] std::string percent_encode(std::string_view bytes);
[[nodiscard]] std::string encode_path(std::string_view path);  // keeps the slashes
[[nodiscard]] std::string percent_decode(std::string_view text);
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace lazymirror::testing
