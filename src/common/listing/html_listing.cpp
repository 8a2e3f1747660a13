// SPDX-License-Identifier: Apache-2.0
#include "listing/html_listing.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "listing/entry_collector.h"
#include "listing/html_dialect.h"
#include "listing/html_preflight.h"
#include "listing/html_reader.h"
#include "listing/html_rows.h"
#include "listing/link_judge.h"
#include "listing/size_text.h"
#include "listing/time_text.h"

namespace lazymirror {
namespace {

struct RowMeta {
  SizeText size;
  std::optional<ListedTime> time;
};

// No-break spaces are blanks here (Jetty, Apache).
std::string_view plain_text(const std::string& text, std::string& buffer) {
  if (text.find("\xC2\xA0") == std::string::npos) return trimmed(text);
  buffer = text;
  for (auto at = buffer.find("\xC2\xA0"); at != std::string::npos; at = buffer.find("\xC2\xA0")) {
    buffer.replace(at, 2, " ");
  }
  return trimmed(buffer);
}

bool is_size_class(std::string_view css_class) {
  return css_class == "size" || css_class == "file-size";
}

// "-rw-r--r--  root  root  Feb 29  2024    23  B": webfs, before the link.
void read_text_before(std::string_view text, RowMeta& meta) {
  while (!text.empty() && !meta.time) {
    if (const auto time = parse_time_text(text)) {
      meta.time = time->time;
      meta.size = parse_size_text(text.substr(time->length));
      return;
    }
    const auto blank = text.find(' ');
    text = blank == text.npos ? std::string_view() : trimmed(text.substr(blank));
  }
}

// Behind the link in a <pre>, or a cell: a time, a size, or both in this order.
void read_field(const HtmlField& field, std::string_view text, RowMeta& meta) {
  const auto time = parse_time_text(field.datetime.empty() ? text : trimmed(field.datetime));
  if (time && !meta.time) meta.time = time->time;
  if (!field.order.empty()) {
    if (meta.size.form == SizeForm::none) meta.size = parse_size_attribute(field.order);
    return;
  }
  const bool beside_time = time && field.datetime.empty() && time->length < text.size();
  if (!beside_time && !is_size_class(field.css_class)) return;
  const SizeText size = parse_size_text(beside_time ? text.substr(time->length) : text);
  if (meta.size.form == SizeForm::none) meta.size = size;
}

RowMeta read_meta(const HtmlRow& row) {
  RowMeta meta;
  std::string buffer;
  for (std::size_t i = 0; i < row.field_count; ++i) {
    const std::string_view text = plain_text(row.fields[i].text, buffer);
    if (i == 0) {
      if (text.size() > 10 && (text[0] == '-' || text[0] == 'd')) read_text_before(text, meta);
    } else {
      read_field(row.fields[i], text, meta);
    }
  }
  return meta;
}

// Rows -> entries whose size and kind are settled once the dialect is known.
class PageEntries final : public RowSink {
 public:
  PageEntries(const Url& base, bool utf8, std::size_t max_entries)
      : judge_(base, utf8), collector_(max_entries) {}

  void on_row(const HtmlRow& row) override {
    const RowMeta meta = row.hrefs.size() == 1 || same_links(row) ? read_meta(row) : RowMeta{};
    if (meta.size.form == SizeForm::rounded) rounded_ = true;
    if (meta.size.form == SizeForm::unit_b) unit_b_ = true;
    for (const std::string& href : row.hrefs) add(href, row, meta);
  }

  [[nodiscard]] Result<Listing> finish(PageSigns signs);

 private:
  // An icon and the name may both be links (Apache's IconsAreLinks).
  static bool same_links(const HtmlRow& row) {
    return std::all_of(row.hrefs.begin(), row.hrefs.end(),
                       [&](const std::string& href) { return href == row.hrefs.front(); });
  }

  void add(const std::string& href, const HtmlRow& row, const RowMeta& meta) {
    Link link = judge_.judge(href);
    if (link.kind == LinkKind::refused) collector_.count_refused();
    if (link.kind == LinkKind::stray || link.kind == LinkKind::queried) ++unusable_;
    if (link.kind != LinkKind::child) return;
    if (!row.text_indented) indented_ = false;
    // No file name ends in '/', so a link's text that does is a directory's.
    const bool directory = link.directory || row.text_slash;
    const bool sized = meta.size.form != SizeForm::none && meta.size.form != SizeForm::rounded;
    const auto index = collector_.add(
        std::move(link.segment), directory ? EntryKind::directory : EntryKind::unknown,
        sized ? std::optional(meta.size.value) : std::nullopt, meta.time);
    if (!index) return;
    forms_.resize(std::max(forms_.size(), *index + 1));
    forms_[*index] = meta.size.form;
  }

  void settle(ListedEntry& entry, SizeForm form, const Dialect& dialect) const;

  LinkJudge judge_;
  EntryCollector collector_;
  std::vector<SizeForm> forms_;  // of each entry's size
  std::size_t unusable_ = 0;     // links that hint at entries we cannot name
  bool rounded_ = false;
  bool unit_b_ = false;
  bool indented_ = true;
};

void PageEntries::settle(ListedEntry& entry, SizeForm form, const Dialect& dialect) const {
  const bool exact = (dialect.exact_forms & static_cast<std::uint8_t>(form)) != 0 &&
                     !(dialect.all_or_none_exact && (rounded_ || unit_b_));
  if (!exact) entry.size.reset();
  const bool file = dialect.marks_directories || (dialect.sized_is_file && entry.size);
  if (entry.kind == EntryKind::unknown && file) entry.kind = EntryKind::file;
  if (dialect.utc && entry.mtime) entry.mtime->zone_known = true;
}

Result<Listing> PageEntries::finish(PageSigns signs) {
  Listing& listing = collector_.listing();
  const auto dialect =
      recognise(signs | (indented_ && !listing.entries.empty() ? kNamesIndented : 0u));
  if (!dialect) return fail(Errc::bad_reply, "the page is not a directory listing");
  if (collector_.overflown()) return fail(Errc::bad_reply, "the listing has too many entries");
  // Say so rather than show an empty directory: the page was asked for under
  // another address than it was written for.
  if (listing.entries.empty() && unusable_ > 0) {
    return fail(Errc::bad_reply, "none of the links in the listing lead into its directory");
  }
  for (std::size_t i = 0; i < listing.entries.size(); ++i) {
    settle(listing.entries[i], forms_[i], *dialect);
  }
  return std::move(listing);
}

}  // namespace

Result<Listing> parse_html_listing(const ListingPage& page, const ListingLimits& limits) {
  if (auto r = check_html(page.body); !r) return fail(r.error());
  const bool utf8 = is_utf8(page.body);
  PageEntries entries(page.base, utf8, limits.max_entries);
  RowBuilder rows(entries);
  if (auto r = read_html(page.body, utf8, rows); !r) return fail(r.error());
  if (rows.has_base()) {
    return fail(Errc::bad_reply, "the page has a <base>: its links lead elsewhere");
  }
  return entries.finish(rows.signs());
}

}  // namespace lazymirror
