// SPDX-License-Identifier: Apache-2.0
#include "config/config_file.h"

#include <algorithm>

#include "base/file_io.h"
#include "config/option_table.h"

namespace lazymirror {
namespace {

constexpr std::string_view kBlank = " \t\r";

// Reads the text once from front to back.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<ConfigItem>> items() {
    for (skip_lines(); !at_end(); skip_lines()) {
      if (auto r = peek() == '[' ? heading() : item(); !r) return fail(r.error());
      if (auto r = end_of_line(); !r) return fail(r.error());
    }
    return std::move(items_);
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\n' : text_[at_]; }

  [[nodiscard]] Failure error(const std::string& what) const {
    return fail(Errc::invalid, "line " + std::to_string(line_) + ": " + what);
  }

  void skip_blanks() {
    while (!at_end() && kBlank.find(peek()) != kBlank.npos) ++at_;
  }
  void skip_comment() {
    skip_blanks();
    if (peek() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
  }
  // To the next thing that is not blank, comment or line end.
  void skip_lines() {
    for (skip_comment(); !at_end() && peek() == '\n'; skip_comment()) {
      ++at_;
      ++line_;
    }
  }

  Result<> end_of_line() {
    skip_comment();
    if (peek() == '\n') return {};
    return error("something follows the value: put the whole value into \"quotes\"");
  }

  Result<> heading() {
    const auto end = std::min(text_.find('\n', at_), text_.size());
    const auto close = text_.find(']', at_);
    if (close >= end) return error("'[' without ']'");
    const std::string_view name = text_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    if (is_group(name)) return {};
    return error("[" + std::string(name) +
                 "] is no heading: use [tree], [general], [mount], [watch], [cache], [metadata] "
                 "or [origin], or none");
  }

  static bool is_group(std::string_view name) {
    return std::ranges::any_of(option_table(), [&](const OptionSpec& option) {
      return !option.is(OptionSpec::kHidden) &&
             std::ranges::equal(option.group, name,
                                [](char a, char b) { return (a | 32) == (b | 32); });
    });
  }

  Result<> item() {
    const auto stop = std::min(text_.find_first_of("=#\n", at_), text_.size());
    std::string_view key = text_.substr(at_, stop - at_);
    while (!key.empty() && kBlank.find(key.back()) != kBlank.npos) key.remove_suffix(1);
    at_ = stop;
    if (peek() != '=' || key.empty()) {
      return error("'" + std::string(key) + "' is not of the form KEY = VALUE");
    }
    ++at_;
    skip_blanks();
    return peek() == '[' ? list(key) : value(key, "#\n");
  }

  Result<> list(std::string_view key) {
    ++at_;
    for (skip_lines(); peek() != ']'; skip_lines()) {
      if (at_end()) return error("'[' without ']'");
      if (auto r = value(key, "#,]\n"); !r) return r;
      skip_lines();
      if (peek() == ',') {
        ++at_;
      } else if (peek() != ']') {
        return error("a ',' or ']' is missing in the list");
      }
    }
    ++at_;
    return {};
  }

  // A value that ends, when bare, before one of `stops`.
  Result<> value(std::string_view key, std::string_view stops) {
    std::string text;
    if (peek() == '"' || peek() == '\'') {
      if (auto r = string(text); !r) return r;
    } else {
      const auto stop = std::min(text_.find_first_of(stops, at_), text_.size());
      text = text_.substr(at_, stop - at_);
      while (!text.empty() && kBlank.find(text.back()) != kBlank.npos) text.pop_back();
      at_ = stop;
      if (text.empty()) return error("'" + std::string(key) + "' has no value");
    }
    items_.push_back({std::string(key), std::move(text), line_});
    return {};
  }

  Result<> string(std::string& out) {
    const char quote = peek();
    for (++at_; peek() != quote; ++at_) {
      if (peek() == '\n') return error(std::string("a closing ") + quote + " is missing");
      const bool escape = quote == '"' && peek() == '\\';
      if (escape) ++at_;
      if (escape && peek() != '"' && peek() != '\\') {
        return error("after \\ only \" or \\ may stand: use '...' for text with backslashes");
      }
      out += peek();
    }
    ++at_;
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<ConfigItem> items_;
};

Result<> apply(const ConfigItem& item, Options& options) {
  const OptionSpec* option = find_option(item.key);
  if (option == nullptr) {
    const std::string_view near = nearest_option(item.key);
    return fail(Errc::invalid,
                "'" + item.key + "' is not an option" +
                    (near.empty() ? std::string() : ": did you mean '" + std::string(near) + "'?"));
  }
  if (option->is(OptionSpec::kCommandLine)) {
    return fail(Errc::invalid, "'" + item.key + "' can be given on the command line only");
  }
  if (option->is(OptionSpec::kPath) && !item.value.starts_with('/')) {
    return fail(Errc::invalid, item.key + ": '" + item.value +
                                   "' is not an absolute path, which a config file needs");
  }
  const auto set = set_option(*option, item.value, options);
  return set ? set : fail(with_context(set.error(), item.key));
}

}  // namespace

Result<std::vector<ConfigItem>> parse_config(std::string_view text) { return Reader(text).items(); }

Result<> apply_config_file(const std::string& path, Options& options) {
  const auto text = read_file(path);
  if (!text) return fail(with_context(text.error(), "cannot read the config file"));
  const auto items = parse_config(*text);
  if (!items) return fail(with_context(items.error(), path));
  for (const ConfigItem& item : *items) {
    if (auto r = apply(item, options); !r) {
      return fail(with_context(r.error(), path + ", line " + std::to_string(item.line)));
    }
  }
  return {};
}

}  // namespace lazymirror
