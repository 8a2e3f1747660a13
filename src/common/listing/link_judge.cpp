// SPDX-License-Identifier: Apache-2.0
#include "listing/link_judge.h"

#include <algorithm>
#include <array>

#include "listing/size_text.h"

namespace lazymirror {
namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";

// RFC 3986 pchar without ':' (which may end a scheme) and without '%'.
constexpr std::array<bool, 256> plain_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("-._~!$&'()*+,;=@")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kPlain = plain_table();

// An escape that no URL library rewrites: upper-case digits (lower-case ones may
// be raised), and not %2E, which newer ones read as a dot segment.
bool is_stable_escape(std::string_view at) {
  return at.size() >= 3 && kUpperHex.find(at[1]) != kUpperHex.npos &&
         kUpperHex.find(at[2]) != kUpperHex.npos && at.substr(1, 2) != "2E";
}

bool is_plain_segment(std::string_view text) {
  if (text.empty() || text == "." || text == "..") return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kPlain[static_cast<unsigned char>(text[i])]) continue;
    if (text[i] != '%' || !is_stable_escape(text.substr(i, 3))) return false;
    i += 2;
  }
  return true;
}

bool has_raw_bytes(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

// RFC 3986 section 3.1, as far as needed to tell "mailto:x" from a name.
bool has_scheme(std::string_view href) {
  const auto colon = href.find(':');
  return colon != href.npos && colon < href.find('/');
}

}  // namespace

Link LinkJudge::judge(std::string_view href) const { return judge_any(href, true); }

Link LinkJudge::judge_by_url(std::string_view href) const { return judge_any(href, false); }

Link LinkJudge::judge_any(std::string_view href, bool short_cut) const {
  href = trimmed(href);  // as browsers do
  if (href.empty()) return {LinkKind::above, {}, false};
  // Decided on the raw text: resolving drops a fragment and an empty query.
  const auto extra = href.find_first_of("?#");
  if (extra == href.npos) return judge_path(href, short_cut);
  if (extra == 0) return {LinkKind::query, {}, false};
  const std::string_view before = href.substr(0, extra);
  Link path = judge_path(before, short_cut);
  // A directory keeps its name when the server hands the sort order on to it
  // (fancyindex: "sub/?C=S&O=D"); no file name has a '/' before its '?'.
  if (path.kind == LinkKind::child && path.directory) return path;
  return {path.kind == LinkKind::child ? LinkKind::queried : LinkKind::query, {}, false};
}

bool LinkJudge::plain_child(std::string_view href, Link& out) const {
  if (href.starts_with(base_.path())) {
    href.remove_prefix(base_.path().size());
  } else if (href.starts_with("./")) {
    href.remove_prefix(2);
  }
  const bool directory = href.ends_with('/');
  if (directory) href.remove_suffix(1);
  if (!is_plain_segment(href)) return false;
  out = {LinkKind::child, std::string(href), directory};
  return true;
}

Link LinkJudge::judge_path(std::string_view href, bool short_cut) const {
  Link out;
  if (short_cut && plain_child(href, out)) return out;
  if (!raw_bytes_ && has_raw_bytes(href)) return {LinkKind::refused, {}, false};
  const auto url = base_.resolve(href);
  if (!url) return {has_scheme(href) ? LinkKind::foreign : LinkKind::refused, {}, false};
  if (!base_.same_origin(*url)) return {};
  if (auto segment = base_.child_segment(*url)) {
    return {LinkKind::child, std::move(*segment), url->path().ends_with('/')};
  }
  const bool above = base_.path().starts_with(url->as_directory().path());
  return {above ? LinkKind::above : LinkKind::stray, {}, false};
}

}  // namespace lazymirror
