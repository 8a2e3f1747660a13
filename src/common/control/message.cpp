// SPDX-License-Identifier: Apache-2.0
#include "control/message.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/url.h"

namespace lazymirror::control {
namespace {

// SAX, so that nesting is refused where it begins.
class FlatReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Message take() { return std::move(message_); }

  bool null() override { return false; }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(std::int64_t{value}); }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return value <= kMost && add(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t, const string_t&) override { return false; }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return ++level_ == 1; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return false; }
  bool end_array() override { return false; }
  bool key(string_t& value) override {
    key_ = std::move(value);
    return !message_.contains(key_);
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool add(Value value) {
    if (level_ != 1) return false;
    message_.emplace(key_, std::move(value));
    return true;
  }

  Message message_;
  std::string key_;
  int level_ = 0;
};

}  // namespace

Result<Message> parse_message(std::string_view line) {
  FlatReader reader;
  const bool good =
      line.size() <= kMaxMessage && nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
  if (good) return reader.take();
  return fail(Errc::invalid,
              "the message is not one JSON object of texts, whole numbers, true and false");
}

std::string write_message(const Message& message) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [key, value] : message) {
    std::visit([&](const auto& plain) { object[key] = plain; }, value);
  }
  using Handler = nlohmann::json::error_handler_t;
  return object.dump(-1, ' ', false, Handler::replace) + "\n";
}

Result<std::string> text_of(const Message& message, std::string_view key) {
  const auto found = message.find(key);
  const auto* text = found == message.end() ? nullptr : std::get_if<std::string>(&found->second);
  if (text != nullptr) return *text;
  return fail(Errc::invalid, "\"" + std::string(key) + "\" is missing, or no text");
}

std::string encode_path(std::string_view path) {
  std::string out;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    out += (begin == 0 ? "" : "/") + encode_segment(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

Result<std::string> decode_path(std::string_view text) { return decode_segment(text); }

}  // namespace lazymirror::control
