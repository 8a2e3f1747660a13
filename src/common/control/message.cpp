// SPDX-License-Identifier: Apache-2.0
#include "control/message.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/url.h"

namespace lazymirror::control {
namespace {

// SAX, so that what is too deep, or no message, is refused where it begins.
class Reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Message take() { return std::move(message_); }

  bool null() override { return false; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return value <= kMost && add(value) != nullptr;
  }
  bool number_float(number_float_t value, const string_t&) override {
    return add(value) != nullptr;
  }
  bool string(string_t& value) override { return add(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    if (levels_.empty()) return open({&message_, nullptr});
    Value* value = add(Message());
    return value != nullptr && open({std::get_if<Message>(&value->data), nullptr});
  }
  bool start_array(std::size_t) override {
    Value* value = add(List());
    return value != nullptr && open({nullptr, std::get_if<List>(&value->data)});
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    key_ = std::move(value);
    return !levels_.back().object->contains(key_);
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  struct Level {  // one of the two
    Message* object;
    List* list;
  };

  bool open(Level level) {
    levels_.push_back(level);
    return levels_.size() <= kMaxNesting;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }
  // Nothing may be added to a list while a level above is open, so that
  // pointers into it stay good.
  Value* add(Value value) {
    if (levels_.empty()) return nullptr;
    const Level level = levels_.back();
    if (level.object != nullptr) {
      return &level.object->emplace(std::move(key_), std::move(value)).first->second;
    }
    return &level.list->emplace_back(std::move(value));
  }

  Message message_;
  std::vector<Level> levels_;
  std::string key_;
};

nlohmann::json json_of(const Value& value);

nlohmann::json json_of(const Message& message) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [key, value] : message) object[key] = json_of(value);
  return object;
}

nlohmann::json json_of(const List& list) {
  nlohmann::json array = nlohmann::json::array();
  for (const Value& value : list) array.push_back(json_of(value));
  return array;
}

template <typename T>
nlohmann::json json_of(const T& plain) {
  return nlohmann::json(plain);
}

nlohmann::json json_of(const Value& value) {
  return std::visit([](const auto& held) { return json_of(held); }, value.data);
}

template <typename T>
const T* find(const Message& message, std::string_view key) {
  const auto found = message.find(key);
  return found == message.end() ? nullptr : std::get_if<T>(&found->second.data);
}

template <typename T>
Result<T> value_of(const Message& message, std::string_view key, const char* kind) {
  if (const T* value = find<T>(message, key)) return *value;
  return fail(Errc::invalid, "\"" + std::string(key) + "\" is missing, or no " + kind);
}

}  // namespace

Result<Message> parse_message(std::string_view line, std::size_t limit) {
  Reader reader;
  const bool good =
      line.size() <= limit && nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
  if (good) return reader.take();
  return fail(Errc::invalid, "the message is not one JSON object, or too large");
}

std::string write_message(const Message& message) {
  using Handler = nlohmann::json::error_handler_t;
  return json_of(message).dump(-1, ' ', false, Handler::replace) + "\n";
}

Message error_message(const Error& error) {
  return {{"error", error.message}, {"code", errc_name(error.code)}};
}

Result<std::string> text_of(const Message& message, std::string_view key) {
  return value_of<std::string>(message, key, "text");
}

Result<std::int64_t> number_of(const Message& message, std::string_view key) {
  return value_of<std::int64_t>(message, key, "whole number");
}

Result<bool> flag_of(const Message& message, std::string_view key, bool usual) {
  if (!message.contains(key)) return usual;
  return value_of<bool>(message, key, "true or false");
}

const Message* object_of(const Message& message, std::string_view key) {
  return find<Message>(message, key);
}

const List* list_of(const Message& message, std::string_view key) {
  return find<List>(message, key);
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
