// SPDX-License-Identifier: Apache-2.0
//
// From a stream of elements and text to rows: a row is a link (or several) and
// what stands beside it. Rows are table rows, list items, and the lines of a
// <pre>; links anywhere else (breadcrumbs, footers, a pasted-in HEADER.html) do
// not count. Also gathers the signs of html_dialect.h.
//
// One page, one thread. Memory is bounded by the longest row, and rows are cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "listing/html_dialect.h"

namespace lazymirror {

// A cell, a marked span, or the text on one side of the link in a <pre>.
struct HtmlField {
  std::string css_class;
  std::string order;     // data-order
  std::string datetime;  // of a <time>
  std::string text;      // what is not within a link
  void clear();
};

struct HtmlRow {
  std::vector<std::string> hrefs;
  std::vector<HtmlField> fields;
  std::size_t field_count = 0;  // fields beyond are spare memory
  bool text_indented = false;   // the last link's text begins with a blank
  bool text_slash = false;      // ... ends in '/'
  void clear();
};

class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void on_row(const HtmlRow& row) = 0;  // has at least one link
};

struct HtmlAttributes {
  std::string_view href, css_class, order, datetime, id, summary, described_by;
  bool has_href = false;
};

class RowBuilder {
 public:
  explicit RowBuilder(RowSink& sink) : sink_(sink) { row_.clear(); }

  void start(std::string_view element, const HtmlAttributes& attributes);
  void end(std::string_view element);
  void text(std::string_view text);

  [[nodiscard]] PageSigns signs() const;
  // Nesting beyond what any server writes: unclosed tags in every row.
  [[nodiscard]] bool too_deep() const { return deepest_ > kMaxDepth; }
  [[nodiscard]] bool has_base() const { return has_base_; }

 private:
  static constexpr std::size_t kMaxDepth = 256;
  static constexpr std::size_t kMaxText = 512;
  static constexpr std::size_t kMaxFields = 16;
  static constexpr std::size_t kMaxHrefs = 64;

  void start_link(const HtmlAttributes& attributes);
  void start_field(const HtmlAttributes& attributes);
  void start_container(std::string_view element, const HtmlAttributes& attributes);
  void end_link();
  void end_heading(std::string_view element);
  void add_to_field(std::string_view text);
  void flush();
  [[nodiscard]] bool in_row() const { return pre_ + tr_ + li_ > 0; }

  RowSink& sink_;
  HtmlRow row_;
  PageSigns signs_ = 0;
  std::size_t depth_ = 0, deepest_ = 0;
  std::size_t pre_ = 0, tr_ = 0, li_ = 0, pres_ = 0;
  bool in_link_ = false;
  bool field_in_link_ = false;  // the current field began within the link
  bool link_has_text_ = false;
  bool pre_link_seen_ = false;
  bool other_content_ = false;  // anything Go's FileServer does not write
  bool has_base_ = false;
  int opaque_ = 0;  // within <script> or <style>
  std::size_t headings_open_ = 0;
  std::string heading_, title_;
};

}  // namespace lazymirror
