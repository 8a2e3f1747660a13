// SPDX-License-Identifier: Apache-2.0
#include "support/oracle_http.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace lazymirror::testing {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The next line without its CRLF; `rest` moves behind it.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
  return line;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string RequestHead::header(std::string_view name) const {
  for (const std::string& line : headers) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos && same_name(std::string_view(line).substr(0, colon), name)) {
      return std::string(trimmed(std::string_view(line).substr(colon + 1)));
    }
  }
  return {};
}

std::optional<RequestHead> parse_request(std::string_view text) {
  const std::string_view first = take_line(text);
  const std::size_t a = first.find(' ');
  const std::size_t b = first.rfind(' ');
  if (a == std::string_view::npos || a == b) return std::nullopt;
  RequestHead head;
  head.method = first.substr(0, a);
  head.target = first.substr(a + 1, b - a - 1);
  std::string_view path = head.target;
  if (path.starts_with("http://")) {  // what a proxy gets: RFC 9112 section 3.2.2
    path.remove_prefix(std::min(path.find('/', 7), path.size()));
  }
  head.path = percent_decode(path.substr(0, path.find('?')));
  if (head.path.empty() || head.path.front() != '/') return std::nullopt;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    head.headers.emplace_back(line);
  }
  head.keep_alive =
      first.substr(b + 1) == "HTTP/1.1" && !same_name(head.header("Connection"), "close");
  return head;
}

RangeVerdict parse_range(std::string_view value, std::uint64_t size, ByteSpan& out) {
  constexpr std::string_view kUnit = "bytes=";
  if (!value.starts_with(kUnit)) return RangeVerdict::whole;
  value.remove_prefix(kUnit.size());
  const std::size_t dash = value.find('-');
  if (dash == std::string_view::npos) return RangeVerdict::whole;
  const auto first = number(value.substr(0, dash));
  const auto last = number(value.substr(dash + 1));
  if (dash == 0) {  // "-n": the last n bytes
    if (!last) return RangeVerdict::whole;
    if (*last == 0 || size == 0) return RangeVerdict::unsatisfiable;
    out = {size - std::min(size, *last), size};
    return RangeVerdict::part;
  }
  const bool open_end = dash + 1 == value.size();
  if (!first || (!open_end && (!last || *last < *first))) return RangeVerdict::whole;
  if (*first >= size) return RangeVerdict::unsatisfiable;
  out = {*first, open_end ? size : std::min(size, *last + 1)};
  return RangeVerdict::part;
}

std::string http_date(std::int64_t unix_seconds) {
  // Not strftime: its names follow the locale.
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = unix_seconds;
  std::tm tm{};
  ::gmtime_r(&seconds, &tm);
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays.at(static_cast<std::size_t>(tm.tm_wday)), tm.tm_mday,
                kMonths.at(static_cast<std::size_t>(tm.tm_mon)), tm.tm_year + 1900, tm.tm_hour,
                tm.tm_min, tm.tm_sec);
  return text.data();
}

std::string percent_encode(std::string_view bytes) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return out;
}

std::string encode_path(std::string_view path) {
  std::string out;
  for (std::size_t slash; (slash = path.find('/')) != std::string_view::npos;) {
    out += percent_encode(path.substr(0, slash)) + '/';
    path.remove_prefix(slash + 1);
  }
  return out + percent_encode(path);
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    const std::size_t digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t j = 0; j < 4; ++j) {
      out += j < digits ? kAlphabet[group >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return out;
}

}  // namespace lazymirror::testing
