// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

namespace lazymirror {
namespace {

constexpr std::string_view kSizeForms = "give a number with K, M, G or T, such as 512M or 1.5G";
constexpr std::string_view kDurationForms =
    "give a number with ms, s, min, h or d, such as 30s or 1h30min";

// A decimal number at the front of `text`, which it is removed from.
std::optional<double> take_number(std::string_view& text) {
  // from_chars would also take "inf", "nan" and "-0".
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return value;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::optional<int> size_exponent(std::string_view unit) {
  static constexpr std::string_view kLetters = "kmgtp";
  const std::string u = lower(unit);
  if (u.empty() || u == "b") return 0;
  const auto at = kLetters.find(u[0]);
  const std::string_view rest = std::string_view(u).substr(1);
  if (at == kLetters.npos || !(rest.empty() || rest == "b" || rest == "ib")) return std::nullopt;
  return static_cast<int>(at) + 1;
}

std::optional<double> duration_unit_ms(std::string_view unit) {
  if (unit.empty() || unit == "s" || unit == "sec") return 1000.0;
  if (unit == "ms") return 1.0;
  if (unit == "m" || unit == "min") return 60'000.0;
  if (unit == "h") return 3'600'000.0;
  if (unit == "d") return 86'400'000.0;
  return std::nullopt;
}

Failure not_a(std::string_view what, std::string_view text, std::string_view forms) {
  return fail(Errc::invalid, "'" + std::string(text) + "' is not " + std::string(what) + ": " +
                                 std::string(forms));
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest);
  const auto exponent = number ? size_exponent(rest) : std::nullopt;
  if (!exponent) return not_a("a size", text, kSizeForms);
  const double bytes = std::ldexp(*number, 10 * *exponent);
  if (bytes >= 9.2e18) return not_a("a size that fits", text, kSizeForms);
  return static_cast<std::uint64_t>(bytes);
}

Result<Share> parse_share(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (number && rest == "%" && *number < 100) return Share{.percent = *number};
  const auto bytes = parse_size(text);
  if (bytes) return Share{.bytes = *bytes};
  return not_a(
      "a size or a share", text,
      "give a number with K, M, G or T, such as 10G, or a percentage below 100, such as 5%");
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

Result<Duration> parse_duration(std::string_view text) {
  std::string_view rest = text;
  double total_ms = 0;
  do {
    const auto number = take_number(rest);
    std::size_t letters = 0;
    while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') ++letters;
    const auto unit = number ? duration_unit_ms(rest.substr(0, letters)) : std::nullopt;
    const bool lone = letters == 0 && total_ms > 0;  // "1h30": of what?
    if (!unit || lone) return not_a("a duration", text, kDurationForms);
    total_ms += *number * *unit;
    rest.remove_prefix(letters);
  } while (!rest.empty());
  if (total_ms > 3.2e12) return not_a("a duration below 100 years", text, kDurationForms);
  return Duration(static_cast<std::int64_t>(total_ms));
}

std::string format_duration(Duration duration) {
  struct Unit {
    std::int64_t ms;
    const char* name;
  };
  static constexpr std::array kUnits = {Unit{86'400'000, "d"}, Unit{3'600'000, "h"},
                                        Unit{60'000, "min"}, Unit{1000, "s"}, Unit{1, "ms"}};
  std::int64_t left = duration.count();
  std::string out;
  for (const Unit& unit : kUnits) {
    if (left < unit.ms) continue;
    out += std::to_string(left / unit.ms) + unit.name;
    left %= unit.ms;
  }
  return out.empty() ? "0s" : out;
}

}  // namespace lazymirror
