// SPDX-License-Identifier: Apache-2.0
#include "http/header_values.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>

namespace lazymirror {
namespace {

constexpr std::uint64_t kMaxNumber = (std::uint64_t{1} << 63) - 1;
constexpr std::uint64_t kMaxAgeSeconds = 365u * 86'400u;

// Calls f(directive) for each element of a comma-separated list. Quoted commas
// occur in no directive that is read here.
template <typename F>
void for_each_element(std::string_view list, F&& f) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    f(without_ows(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

std::optional<std::uint64_t> max_age_of(std::string_view directive) {
  constexpr std::string_view kName = "max-age=";
  if (!iequals(directive.substr(0, kName.size()), kName)) return std::nullopt;
  directive.remove_prefix(kName.size());
  if (directive.size() >= 2 && directive.front() == '"' && directive.back() == '"') {
    directive = directive.substr(1, directive.size() - 2);
  }
  return parse_decimal(directive);
}

Duration seconds(std::uint64_t count) {
  return std::chrono::seconds(std::min(count, kMaxAgeSeconds));
}

}  // namespace

std::string_view without_ows(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool iequals(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end || value > kMaxNumber) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  const time_t value = curl_getdate(text.c_str(), nullptr);
  if (value == -1) return std::nullopt;
  return value;
}

std::string strong_etag(std::string_view text) {
  text = without_ows(text);
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return {};
  const auto bad = [](char c) { return c == '"' || c == 0x7f || (c >= 0 && c <= 0x20); };
  if (std::any_of(text.begin() + 1, text.end() - 1, bad)) return {};
  return std::string(text);
}

std::optional<Duration> freshness(std::string_view cache_control,
                                  std::optional<std::int64_t> expires,
                                  std::optional<std::int64_t> date,
                                  std::optional<std::uint64_t> age) {
  std::optional<Duration> stated;
  bool revalidate = false;
  for_each_element(cache_control, [&](std::string_view directive) {
    if (iequals(directive, "no-cache") || iequals(directive, "no-store")) revalidate = true;
    if (const auto most = max_age_of(directive)) stated = seconds(*most);
  });
  if (revalidate) return Duration{0};
  if (!stated && expires && date) {
    stated = seconds(static_cast<std::uint64_t>(std::max<std::int64_t>(0, *expires - *date)));
  }
  if (!stated) return std::nullopt;
  return std::max(Duration{0}, *stated - seconds(age.value_or(0)));
}

bool is_identity(std::string_view content_encoding) {
  content_encoding = without_ows(content_encoding);
  return content_encoding.empty() || iequals(content_encoding, "identity");
}

}  // namespace lazymirror
