// SPDX-License-Identifier: Apache-2.0
#include "listing/time_text.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace lazymirror {
namespace {

// %Y %m %d %H %M %S: digits (%d also one digit); %b, %a: English abbreviations;
// %I with %p: a 12-hour clock; %f: an optional fraction; %z: Z or an offset; a
// blank: one or more blanks. Anything else stands for itself.
struct Shape {
  std::string_view pattern;
  std::int32_t resolution_s;
};

// Where one shape begins another, the longer comes first.
constexpr std::array<Shape, 11> kShapes{{
    {"%d-%b-%Y %H:%M", 60},            // nginx, Apache with UseOldDateFormat
    {"%Y-%b-%d %H:%M:%S", 1},          // lighttpd
    {"%Y-%b-%d %H:%M", 60},            // fancyindex
    {"%Y-%m-%dT%H:%M:%S%f%z", 1},      // Caddy, nginx XML (RFC 3339)
    {"%Y-%m-%d %H:%M:%S%f %z", 1},     // rclone
    {"%Y-%m-%d %H:%M", 60},            // Apache, darkhttpd
    {"%Y/%m/%d %H:%M", 60},            // WEBrick
    {"%d%b%Y %H:%M", 60},              // mini_httpd
    {"%a, %d %b %Y %H:%M:%S GMT", 1},  // nginx JSON, Tomcat (RFC 9110)
    {"%b %d, %Y, %I:%M:%S %p", 1},     // Jetty
    {"%b %d %Y", 86400},               // webfs
}};

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::string_view kDays = "MonTueWedThuFriSatSun";

struct Fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::int64_t nanoseconds = 0;
  std::int64_t offset_s = 0;
  bool zone_known = false;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool match(std::string_view pattern, Fields& out) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '%' ? !directive(pattern[++i], out) : !literal(pattern[i])) return false;
    }
    if (pattern.ends_with("GMT")) out.zone_known = true;
    return at_ == text_.size() || text_[at_] == ' ';
  }
  [[nodiscard]] std::size_t length() const { return at_; }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool literal(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    while (wanted == ' ' && peek() == ' ') ++at_;
    return true;
  }

  bool digits(int least, int most, int& out) {
    int count = 0;
    for (out = 0; count < most && is_digit(peek()); ++count) out = out * 10 + (text_[at_++] - '0');
    return count >= least;
  }

  // The number of the abbreviation, from 1.
  bool abbreviation(std::string_view table, int& out) {
    if (text_.size() - at_ < 3) return false;
    const auto found = table.find(text_.substr(at_, 3));
    if (found == table.npos || found % 3 != 0) return false;
    out = static_cast<int>(found / 3) + 1;
    at_ += 3;
    return true;
  }

  bool half_day(Fields& out) {
    const std::string_view half = text_.substr(at_, 2);
    if ((half != "AM" && half != "PM") || out.hour < 1 || out.hour > 12) return false;
    out.hour = out.hour % 12 + (half == "PM" ? 12 : 0);
    at_ += 2;
    return true;
  }

  bool fraction(Fields& out) {
    if (peek() != '.') return true;
    ++at_;
    std::int64_t unit = 100'000'000;
    if (!is_digit(peek())) return false;
    for (; is_digit(peek()); ++at_, unit /= 10) out.nanoseconds += (text_[at_] - '0') * unit;
    return true;
  }

  // "Z", "+01:00" or rclone's "+0100" (Go then adds the zone's name).
  bool zone(Fields& out) {
    out.zone_known = true;
    if (peek() == 'Z') return literal('Z');
    const int sign = peek() == '-' ? -1 : 1;
    if (peek() != '-' && peek() != '+') return false;
    ++at_;
    int hours = 0;
    int minutes = 0;
    if (!digits(2, 2, hours)) return false;
    if (peek() == ':') ++at_;
    if (!digits(2, 2, minutes) || hours > 14 || minutes > 59) return false;
    out.offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
  }

  bool directive(char what, Fields& out) {
    int ignored = 0;
    switch (what) {
      case 'Y': return digits(4, 4, out.year);
      case 'm': return digits(2, 2, out.month);
      case 'd': return digits(1, 2, out.day);
      case 'H': return digits(2, 2, out.hour);
      case 'I': return digits(1, 2, out.hour);
      case 'M': return digits(2, 2, out.minute);
      case 'S': return digits(2, 2, out.second);
      case 'b': return abbreviation(kMonths, out.month);
      case 'a': return abbreviation(kDays, ignored);
      case 'p': return half_day(out);
      case 'f': return fraction(out);
      case 'z': return zone(out);
      default: return false;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The years keep nanoseconds within 64 bits.
std::optional<std::int64_t> to_unix_ns(const Fields& f) {
  using namespace std::chrono;
  const year_month_day date{year(f.year), month(static_cast<unsigned>(f.month)),
                            day(static_cast<unsigned>(f.day))};
  if (!date.ok() || f.year < 1800 || f.year > 2200) return std::nullopt;
  if (f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  const std::int64_t days = sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86400 + f.hour * 3600 + f.minute * 60 + f.second - f.offset_s;
  return seconds * 1'000'000'000 + f.nanoseconds;
}

}  // namespace

std::optional<TimeText> parse_time_text(std::string_view text) {
  for (const Shape& shape : kShapes) {
    Scanner scanner(text);
    Fields fields;
    if (!scanner.match(shape.pattern, fields)) continue;
    const auto ns = to_unix_ns(fields);
    if (!ns) return std::nullopt;
    return TimeText{{*ns, shape.resolution_s, fields.zone_known}, scanner.length()};
  }
  return std::nullopt;
}

}  // namespace lazymirror
