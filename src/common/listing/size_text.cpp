// SPDX-License-Identifier: Apache-2.0
#include "listing/size_text.h"

#include <charconv>
#include <cstddef>
#include <limits>
#include <string>

namespace lazymirror {
namespace {

constexpr std::string_view kBlanks = " \t\n\r\f\v";
constexpr std::string_view kDigits = "0123456789";

// st_size is signed: what does not fit is no size.
SizeText number(std::string_view digits, SizeForm form) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return {};
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
  return {form, value};
}

// "1,258,291": groups of three behind the first comma.
SizeText grouped(std::string_view text) {
  std::string digits;
  std::size_t group = 0;
  bool comma = false;
  for (const char c : text) {
    if (c != ',') {
      digits += c;
      ++group;
      continue;
    }
    if (group == 0 || (comma ? group != 3 : group > 3)) return {};
    comma = true;
    group = 0;
  }
  if (comma && group != 3) return {};
  return number(digits, SizeForm::bytes);
}

bool is_rounding_unit(std::string_view unit) {
  if (unit.empty() || std::string_view("kKMGTPE").find(unit.front()) == unit.npos) return false;
  const std::string_view rest = unit.substr(1);
  return rest.empty() || rest == "B" || rest == "iB" || rest == "b";
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

SizeText parse_size_text(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.size() > 40 || kDigits.find(text.front()) == kDigits.npos) return {};
  const std::string_view figure = text.substr(0, text.find_first_not_of("0123456789.,"));
  const std::string_view unit = trimmed(text.substr(figure.size()));
  if (is_rounding_unit(unit)) return {SizeForm::rounded, 0};
  if (unit == "bytes") return grouped(figure);
  if (unit == "B") return number(figure, SizeForm::unit_b);
  return unit.empty() ? number(figure, SizeForm::digits) : SizeText{};
}

SizeText parse_size_attribute(std::string_view text) {
  return number(trimmed(text), SizeForm::order);
}

}  // namespace lazymirror
