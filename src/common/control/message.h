// SPDX-License-Identifier: Apache-2.0
//
// What is said over the control socket: one JSON object a line, so that a shell
// can talk to a running tree as well:
//   {"command":"evict","path":"a/b"}  ->  {"ok":true}
//                                     ->  {"error":"a/b is in use","code":"busy"}
//   {"command":"ls","path":"a"}       ->  {"progress":{...}}, any number of them,
//                                         {"ok":true}
// JSON is UTF-8, names of files need not be: paths are percent-encoded
// (encode_path()).
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace lazymirror::control {

inline constexpr std::size_t kMaxMessage = 64u << 10;  // bytes of a line that is asked
inline constexpr std::size_t kMaxAnswer = 4u << 20;    // and of one that is answered
inline constexpr int kMaxNesting = 8;

class Value;
using Message = std::map<std::string, Value, std::less<>>;
using List = std::vector<Value>;

class Value {
 public:
  using Data = std::variant<bool, std::int64_t, double, std::string, List, Message>;

  Value(bool value) : data(value) {}
  Value(double value) : data(value) {}
  Value(const char* value) : data(std::string(value)) {}
  Value(std::string value) : data(std::move(value)) {}
  Value(std::string_view value) : data(std::string(value)) {}
  Value(List value) : data(std::move(value)) {}
  Value(Message value) : data(std::move(value)) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Value(T value) : data(static_cast<std::int64_t>(value)) {}

  bool operator==(const Value&) const = default;

  Data data;
};

// Of a line without its end. Errc::invalid for anything but one object of
// texts, numbers, true, false, lists and objects, for more than `limit` bytes or
// kMaxNesting levels, and for a key that stands twice.
[[nodiscard]] Result<Message> parse_message(std::string_view line, std::size_t limit = kMaxMessage);
// With the end of the line. What is not UTF-8 in a text is replaced.
[[nodiscard]] std::string write_message(const Message& message);
[[nodiscard]] Message error_message(const Error& error);

// The value of `key`; Errc::invalid when it is missing or of another kind. With
// a default: only when it is of another kind.
[[nodiscard]] Result<std::string> text_of(const Message& message, std::string_view key);
[[nodiscard]] Result<std::int64_t> number_of(const Message& message, std::string_view key);
[[nodiscard]] Result<bool> flag_of(const Message& message, std::string_view key, bool usual);
// Nothing (nullptr) when it is missing or no such thing.
[[nodiscard]] const Message* object_of(const Message& message, std::string_view key);
[[nodiscard]] const List* list_of(const Message& message, std::string_view key);

// "a/b%20c", as in a URL; decoding takes plain bytes as well. Errc::invalid for
// a '%' without two digits.
[[nodiscard]] std::string encode_path(std::string_view path);
[[nodiscard]] Result<std::string> decode_path(std::string_view text);

}  // namespace lazymirror::control
