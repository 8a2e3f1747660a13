// SPDX-License-Identifier: Apache-2.0
//
// What is said over the control socket: one JSON object a line, its values
// plain (texts, whole numbers, true and false), so that a shell can talk to a
// running tree as well:
//   {"command":"evict","path":"a/b"}  ->  {"ok":true}
//                                     ->  {"error":"a/b is in use"}
// JSON is UTF-8, names of files need not be: paths are percent-encoded
// (encode_path()).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace lazymirror::control {

inline constexpr std::size_t kMaxMessage = 64u << 10;  // bytes of a line

using Value = std::variant<bool, std::int64_t, std::string>;
using Message = std::map<std::string, Value, std::less<>>;

// Of a line without its end. Errc::invalid for anything else, for a key that
// stands twice and for more than kMaxMessage bytes.
[[nodiscard]] Result<Message> parse_message(std::string_view line);
// With the end of the line. What is not UTF-8 in a text is replaced.
[[nodiscard]] std::string write_message(const Message& message);

// The text of `key`; Errc::invalid when it is missing or no text.
[[nodiscard]] Result<std::string> text_of(const Message& message, std::string_view key);

// "a/b%20c", as in a URL; decoding takes plain bytes as well. Errc::invalid for
// a '%' without two digits.
[[nodiscard]] std::string encode_path(std::string_view path);
[[nodiscard]] Result<std::string> decode_path(std::string_view text);

}  // namespace lazymirror::control
