// SPDX-License-Identifier: Apache-2.0
#include "listing/html_preflight.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace lazymirror {
namespace {

// The elements whose end tag marks the end of a listing or of a part of it.
constexpr std::array<std::string_view, 6> kContainers{"html", "body", "table", "ul", "ol", "pre"};
// Their contents are not markup.
constexpr std::array<std::string_view, 2> kOpaque{"script", "style"};

bool is_name_end(char c) { return c == '>' || c == '/' || c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_separator(char c) { return is_name_end(c) || c == '"' || c == '\''; }

bool starts_with_name(std::string_view at, std::string_view name) {
  return at.size() > name.size() && strncasecmp(at.data(), name.data(), name.size()) == 0 &&
         is_name_end(at[name.size()]);
}

class PageScan {
 public:
  explicit PageScan(std::string_view page) : page_(page) {}

  Result<> run() {
    std::size_t at = 0;
    while ((at = page_.find('<', at)) != page_.npos) {
      const std::size_t next = page_.substr(at).starts_with("<!--") ? skip_comment(at) : tag(at);
      if (next == page_.npos) return fail(Errc::bad_reply, "the page is cut off within a tag");
      at = next;
    }
    return verdict();
  }

 private:
  [[nodiscard]] std::size_t skip_comment(std::size_t at) const {
    const auto end = page_.find("-->", at + 2);
    return end == page_.npos ? end : end + 3;
  }

  // Behind the element that begins with the tag at `at`.
  [[nodiscard]] std::size_t skip_opaque(std::size_t at, std::string_view name) const {
    while ((at = page_.find("</", at)) != page_.npos) {
      if (starts_with_name(page_.substr(at + 2), name)) return at;
      at += 2;
    }
    return at;
  }

  std::size_t tag(std::size_t at) {
    const bool closing = page_.substr(at + 1, 1) == "/";
    const std::string_view name = page_.substr(at + (closing ? 2 : 1));
    if (name.empty()) return page_.npos;
    const bool markup = closing || name[0] == '!' || name[0] == '?' || (name[0] | 0x20) >= 'a';
    if (!markup || (name[0] | 0x20) > 'z') return at + 1;  // a stray '<' in the text
    const auto end = page_.find('>', at);
    if (end == page_.npos) return end;
    weigh(page_.substr(at, end - at));
    for (std::size_t i = 0; i < kContainers.size(); ++i) {
      if (starts_with_name(name, kContainers[i])) open_[i] = !closing;
    }
    for (const std::string_view opaque : kOpaque) {
      if (!closing && starts_with_name(name, opaque)) return skip_opaque(end, opaque);
    }
    return end + 1;
  }

  // An attribute needs a blank, a slash or a quote before it.
  void weigh(std::string_view tag) {
    const auto separators = static_cast<std::uint64_t>(
        std::count_if(tag.begin(), tag.end(), [](char c) { return is_separator(c); }));
    work_ += separators * separators;
  }

  [[nodiscard]] Result<> verdict() const {
    if (work_ > 100'000'000 + 64 * std::uint64_t{page_.size()}) {
      return fail(Errc::bad_reply, "the page has tags with too many attributes");
    }
    for (std::size_t i = 0; i < kContainers.size(); ++i) {
      if (!open_[i]) continue;
      return fail(Errc::bad_reply,
                  "the page is cut off: <" + std::string(kContainers[i]) + "> is never closed");
    }
    return {};
  }

  std::string_view page_;
  std::array<bool, kContainers.size()> open_{};  // by the last tag of that name
  std::uint64_t work_ = 0;
};

// The length of the UTF-8 sequence at the front of `text`; 0 if it is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) > 0x9F;
  const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || beyond ? 0 : length;
}

}  // namespace

Result<> check_html(std::string_view page) {
  if (page.find('\0') != page.npos) return fail(Errc::bad_reply, "the page contains NUL");
  return PageScan(page).run();
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace lazymirror
