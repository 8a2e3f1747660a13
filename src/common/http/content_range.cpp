// SPDX-License-Identifier: Apache-2.0
#include "http/content_range.h"

#include "http/header_values.h"

namespace lazymirror {
namespace {

std::optional<ByteRange> parse_span(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto first = parse_decimal(text.substr(0, dash));
  const auto last = parse_decimal(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return ByteRange{*first, *last + 1};
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  text = without_ows(text);
  if (!iequals(text.substr(0, kUnit.size()), kUnit)) return std::nullopt;
  text = without_ows(text.substr(kUnit.size()));
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const std::string_view span = text.substr(0, slash);
  const std::string_view total = text.substr(slash + 1);

  ContentRange out;
  if (total != "*" && !(out.total = parse_decimal(total))) return std::nullopt;
  if (span == "*") return out.total ? std::optional(out) : std::nullopt;
  if (!(out.range = parse_span(span))) return std::nullopt;
  if (out.total && out.range->end > *out.total) return std::nullopt;
  return out;
}

}  // namespace lazymirror
