// SPDX-License-Identifier: Apache-2.0
#include "listing/html_rows.h"

#include <algorithm>
#include <array>

#include "listing/size_text.h"

namespace lazymirror {
namespace {

bool is_heading(std::string_view element) {
  return element == "title" ||
         (element.size() == 2 && element[0] == 'h' && element[1] >= '1' && element[1] <= '6');
}

bool is_cell(std::string_view element) {
  return element == "td" || element == "th" || element == "span" || element == "time";
}

// All that Go's FileServer writes, and what libxml2 adds to it.
bool is_bare(std::string_view element) {
  constexpr std::array<std::string_view, 7> kBare{"html", "head", "body", "meta", "pre", "a", "p"};
  return std::find(kBare.begin(), kBare.end(), element) != kBare.end();
}

bool is_opaque(std::string_view element) { return element == "script" || element == "style"; }

void append_bounded(std::string& to, std::string_view text, std::size_t limit) {
  if (to.size() < limit) to.append(text.substr(0, limit - to.size()));
}

}  // namespace

void HtmlField::clear() {
  css_class.clear();
  order.clear();
  datetime.clear();
  text.clear();
}

void HtmlRow::clear() {
  hrefs.clear();
  if (fields.empty()) fields.emplace_back();
  for (std::size_t i = 0; i < std::max<std::size_t>(field_count, 1); ++i) fields[i].clear();
  field_count = 1;
  text_indented = false;
  text_slash = false;
}

void RowBuilder::start(std::string_view element, const HtmlAttributes& attributes) {
  deepest_ = std::max(deepest_, ++depth_);
  if (!is_bare(element)) other_content_ = true;
  if (is_opaque(element)) ++opaque_;
  if (element == "base") has_base_ = true;
  if (is_heading(element)) {
    if (headings_open_++ == 0) heading_.clear();
  }
  if (element == "a") {
    if (attributes.has_href) start_link(attributes);
  } else if (is_cell(element)) {
    start_field(attributes);
  } else {
    start_container(element, attributes);
  }
}

void RowBuilder::start_container(std::string_view element, const HtmlAttributes& attributes) {
  if (element == "br" || element == "hr") {
    if (tr_ == 0) flush();
    return;
  }
  const bool table = element == "table";
  const bool list = element == "ul";
  const bool pre = element == "pre";
  const bool row = element == "tr";
  const bool item = element == "li";
  if (!(table || list || pre || row || item)) return;
  flush();
  pre_ += pre;
  pres_ += pre;
  tr_ += row;
  li_ += item;
  if (table) signs_ |= kTable;
  if (list) signs_ |= kList;
  if (pre) signs_ |= kPre;
  if (table && attributes.summary == "Directory Listing") signs_ |= kSummaryTable;
  if (table && attributes.described_by == "summary") signs_ |= kBrowseTable;
  if (table && attributes.id == "list") signs_ |= kListId;
}

void RowBuilder::start_field(const HtmlAttributes& attributes) {
  if (attributes.css_class == "display-name") signs_ |= kDisplayName;
  if (!in_row() || row_.field_count >= kMaxFields) return;
  if (row_.field_count == row_.fields.size()) row_.fields.emplace_back();
  HtmlField& field = row_.fields[row_.field_count++];
  field.clear();
  append_bounded(field.css_class, attributes.css_class, kMaxText);
  append_bounded(field.order, attributes.order, kMaxText);
  append_bounded(field.datetime, attributes.datetime, kMaxText);
  field_in_link_ = in_link_;
}

void RowBuilder::start_link(const HtmlAttributes& attributes) {
  if (in_link_) end_link();
  signs_ |= sort_link_sign(attributes.href);
  if (!in_row()) return;
  if (pre_ > 0) {
    // In a <pre> what stands before the second link belongs to the first.
    if (!row_.hrefs.empty()) flush();
    if (!pre_link_seen_ && attributes.href == "../") signs_ |= kParentFirst;
    pre_link_seen_ = true;
  }
  if (row_.hrefs.size() >= kMaxHrefs) flush();
  row_.hrefs.emplace_back(attributes.href);
  in_link_ = true;
  field_in_link_ = false;
  link_has_text_ = false;
}

void RowBuilder::end_link() {
  if (!in_link_) return;
  in_link_ = false;
  field_in_link_ = false;
  if (pre_ > 0) start_field({});
}

void RowBuilder::end(std::string_view element) {
  if (depth_ > 0) --depth_;
  if (is_opaque(element) && opaque_ > 0) --opaque_;
  if (is_heading(element)) end_heading(element);
  if (element == "a") end_link();
  const bool pre = element == "pre";
  const bool row = element == "tr";
  const bool item = element == "li";
  if (!(pre || row || item)) return;
  flush();
  if (pre && pre_ > 0) --pre_;
  if (row && tr_ > 0) --tr_;
  if (item && li_ > 0) --li_;
}

void RowBuilder::end_heading(std::string_view element) {
  if (headings_open_ == 0 || --headings_open_ > 0) return;
  std::string text;
  for (std::size_t i = 0; i < heading_.size(); ++i) {  // U+00A0 is a blank here
    const bool nbsp = heading_.compare(i, 2, "\xC2\xA0") == 0;
    text += nbsp ? ' ' : heading_[i];
    i += nbsp;
  }
  signs_ |= heading_sign(text);
  if (element == "title") {
    title_ = text;
  } else if (text == title_ && text.starts_with('/') && text.ends_with('/')) {
    signs_ |= kPathHeading;
  }
}

void RowBuilder::text(std::string_view text) {
  if (opaque_ > 0) return;
  if (headings_open_ > 0) append_bounded(heading_, text, kMaxText);
  if (in_link_) {
    const std::string_view word = trimmed(text);
    if (!link_has_text_ && !text.empty()) {
      row_.text_indented = text.front() == ' ';
      link_has_text_ = true;
    }
    if (!word.empty()) row_.text_slash = word.ends_with('/');
    if (field_in_link_) add_to_field(text);
    return;
  }
  if (!trimmed(text).empty()) other_content_ = other_content_ || row_.hrefs.empty() || pre_ == 0;
  if (!in_row()) return;
  if (pre_ == 0) return add_to_field(text);
  for (auto newline = text.find('\n'); newline != text.npos; newline = text.find('\n')) {
    add_to_field(text.substr(0, newline));
    flush();
    text.remove_prefix(newline + 1);
  }
  add_to_field(text);
}

void RowBuilder::add_to_field(std::string_view text) {
  append_bounded(row_.fields[row_.field_count - 1].text, text, kMaxText);
}

void RowBuilder::flush() {
  if (!row_.hrefs.empty()) {
    sink_.on_row(row_);
  } else {
    for (std::size_t i = 0; i < row_.field_count; ++i) {
      if (row_.fields[i].text.find("Last modified") != std::string::npos) signs_ |= kColumnTitles;
    }
  }
  row_.clear();
  in_link_ = false;
  field_in_link_ = false;
}

PageSigns RowBuilder::signs() const {
  return signs_ | (pres_ == 1 && !other_content_ ? kBarePre : 0u);
}

}  // namespace lazymirror
