// SPDX-License-Identifier: Apache-2.0
#include "listing/html_reader.h"

#include <libxml/HTMLparser.h>

#include <cstring>
#include <limits>
#include <memory>
#include <mutex>

namespace lazymirror {
namespace {

struct ContextDeleter {
  void operator()(htmlParserCtxt* context) const { htmlFreeParserCtxt(context); }
};
using Context = std::unique_ptr<htmlParserCtxt, ContextDeleter>;

// What the callbacks share. Exceptions must not pass through libxml2's frames.
struct Reading {
  RowBuilder& rows;
  htmlParserCtxt* context;
  bool fatal = false;
  bool threw = false;
};

std::string_view view(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

template <typename F>
void guarded(void* user, F&& f) {
  auto& reading = *static_cast<Reading*>(user);
  if (reading.threw) return;
  try {
    f(reading.rows);
  } catch (...) {
    reading.threw = true;
  }
  // Auto-closing walks the stack of open elements: stop while it is short.
  if (reading.threw || reading.rows.too_deep()) xmlStopParser(reading.context);
}

HtmlAttributes attributes_of(const xmlChar** attributes) {
  HtmlAttributes out;
  for (; attributes != nullptr && attributes[0] != nullptr; attributes += 2) {
    const std::string_view name = view(attributes[0]);
    const std::string_view value = view(attributes[1]);
    if (name == "href") {
      out.href = value;
      out.has_href = true;
    }
    if (name == "class") out.css_class = value;
    if (name == "data-order") out.order = value;
    if (name == "datetime") out.datetime = value;
    if (name == "id") out.id = value;
    if (name == "summary") out.summary = value;
    if (name == "aria-describedby") out.described_by = value;
  }
  return out;
}

void on_start(void* user, const xmlChar* name, const xmlChar** attributes) {
  guarded(user, [&](RowBuilder& rows) { rows.start(view(name), attributes_of(attributes)); });
}

void on_end(void* user, const xmlChar* name) {
  guarded(user, [&](RowBuilder& rows) { rows.end(view(name)); });
}

void on_text(void* user, const xmlChar* text, int length) {
  guarded(user, [&](RowBuilder& rows) {
    rows.text({reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)});
  });
}

void on_error(void* user, xmlError* error) {
  if (error->level == XML_ERR_FATAL) static_cast<Reading*>(user)->fatal = true;
}

void set_handlers(htmlParserCtxt& context, Reading& reading) {
  std::memset(context.sax, 0, sizeof(*context.sax));
  context.sax->initialized = XML_SAX2_MAGIC;  // else serror is not called
  context.sax->startElement = on_start;
  context.sax->endElement = on_end;
  context.sax->characters = on_text;
  context.sax->ignorableWhitespace = on_text;
  context.sax->serror = on_error;
  context.userData = &reading;
}

}  // namespace

Result<> read_html(std::string_view page, bool utf8, RowBuilder& rows) {
  static std::once_flag initialised;
  std::call_once(initialised, xmlInitParser);
  if (page.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(Errc::bad_reply, "the page is too large");
  }
  const Context context(htmlNewParserCtxt());
  if (context == nullptr) return fail(Errc::internal, "libxml2 has no memory");
  Reading reading{rows, context.get()};
  set_handlers(*context, reading);
  // Without RECOVER and friends the callbacks are the same; NONET and NODEFDTD
  // keep the parser away from everything but these bytes.
  htmlDocPtr none =
      htmlCtxtReadMemory(context.get(), page.data(), static_cast<int>(page.size()), nullptr,
                         utf8 ? "UTF-8" : "ISO-8859-1",
                         HTML_PARSE_RECOVER | HTML_PARSE_NONET | HTML_PARSE_NODEFDTD |
                             HTML_PARSE_IGNORE_ENC | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
  if (none != nullptr) xmlFreeDoc(none);
  if (reading.threw) return fail(Errc::internal, "out of memory while reading a listing");
  if (rows.too_deep()) return fail(Errc::bad_reply, "the page nests too deep for a listing");
  if (reading.fatal) return fail(Errc::bad_reply, "libxml2 cannot read the page");
  return {};
}

}  // namespace lazymirror
