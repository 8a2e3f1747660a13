// SPDX-License-Identifier: Apache-2.0
//
// Text -> field and field -> text: the two functions of the option table that
// know the types.
#include <algorithm>
#include <charconv>

#include "base/units.h"
#include "config/option_table.h"

namespace lazymirror {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

Result<> set(bool Options::*field, const OptionSpec&, std::string_view text, Options& options) {
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return options.*field = true, Result<>();
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (text == no) return options.*field = false, Result<>();
  }
  return fail(Errc::invalid, quoted(text) + " is neither true nor false");
}

Result<> set(unsigned Options::*field, const OptionSpec& option, std::string_view text,
             Options& options) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end && option.least <= value && value <= option.most) {
    options.*field = value;
    return {};
  }
  return fail(Errc::invalid, quoted(text) + " is not a number from " +
                                 std::to_string(option.least) + " to " +
                                 std::to_string(option.most));
}

Result<> set(std::uint64_t Options::*field, const OptionSpec&, std::string_view text,
             Options& options) {
  const auto value = parse_size(text);
  if (!value) return fail(value.error());
  options.*field = *value;
  return {};
}

Result<> set(Duration Options::*field, const OptionSpec&, std::string_view text, Options& options) {
  const auto value = parse_duration(text);
  if (!value) return fail(value.error());
  options.*field = *value;
  return {};
}

bool is_choice(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    const auto bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    choices = bar == choices.npos ? std::string_view() : choices.substr(bar + 1);
  }
  return false;
}

Result<> set(std::string Options::*field, const OptionSpec& option, std::string_view text,
             Options& options) {
  if (option.value.find('|') != option.value.npos && !is_choice(option.value, text)) {
    return fail(Errc::invalid,
                quoted(text) + " is none of the choices: " + std::string(option.value));
  }
  options.*field = text;
  return {};
}

Result<> set(std::vector<std::string> Options::*field, const OptionSpec&, std::string_view text,
             Options& options) {
  (options.*field).emplace_back(text);
  return {};
}

Result<> set(std::monostate, const OptionSpec&, std::string_view, Options&) { return {}; }

std::string show(bool Options::*field) { return Options{}.*field ? "on" : "off"; }
std::string show(unsigned Options::*field) { return std::to_string(Options{}.*field); }
std::string show(std::uint64_t Options::*field) { return format_size(Options{}.*field); }
std::string show(Duration Options::*field) { return format_duration(Options{}.*field); }
std::string show(std::string Options::*field) {
  const std::string text = Options{}.*field;
  return text.empty() ? "none" : text;
}
std::string show(std::vector<std::string> Options::*) { return "none"; }
std::string show(std::monostate) { return "none"; }

}  // namespace

Result<> set_option(const OptionSpec& option, std::string_view text, Options& options) {
  return std::visit([&](auto field) { return set(field, option, text, options); }, option.field);
}

std::string shown_default(const OptionSpec& option) {
  if (!option.default_text.empty()) return std::string(option.default_text);
  return std::visit([](auto field) { return show(field); }, option.field);
}

}  // namespace lazymirror
