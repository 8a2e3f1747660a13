// SPDX-License-Identifier: Apache-2.0
#include "listing/xml_listing.h"

#include <libxml/xmlreader.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "listing/entry_collector.h"
#include "listing/size_text.h"
#include "listing/time_text.h"

namespace lazymirror {
namespace {

struct ReaderDeleter {
  void operator()(xmlTextReader* reader) const { xmlFreeTextReader(reader); }
};
using Reader = std::unique_ptr<xmlTextReader, ReaderDeleter>;

void ignore_error(void*, xmlError*) {}  // the return values say enough

std::string_view view(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

std::string attribute(xmlTextReader* reader, const char* name) {
  xmlChar* value = xmlTextReaderGetAttribute(reader, reinterpret_cast<const xmlChar*>(name));
  std::string out(view(value));
  xmlFree(value);
  return out;
}

class ListReader {
 public:
  ListReader(xmlTextReader* reader, std::size_t max_entries)
      : reader_(reader), collector_(max_entries) {}

  Result<Listing> run() {
    int state = 1;
    while ((state = xmlTextReaderRead(reader_)) == 1) {
      if (!node()) return fail(Errc::bad_reply, "the XML is not a directory listing");
      if (collector_.overflown()) return fail(Errc::bad_reply, "the listing has too many entries");
    }
    if (state != 0 || !root_seen_) return fail(Errc::bad_reply, "the XML is malformed or cut off");
    return std::move(collector_.listing());
  }

 private:
  bool node() {
    const int type = xmlTextReaderNodeType(reader_);
    const int depth = xmlTextReaderDepth(reader_);
    if (type == XML_READER_TYPE_ELEMENT) return start(depth);
    if (type == XML_READER_TYPE_END_ELEMENT) {
      if (depth == 1) add();
    } else if (type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_CDATA ||
               type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE) {
      if (depth == 2) name_ += view(xmlTextReaderConstValue(reader_));
    } else if (type == XML_READER_TYPE_ENTITY_REFERENCE) {
      return false;
    }
    return true;
  }

  bool start(int depth) {
    const std::string_view element = view(xmlTextReaderConstLocalName(reader_));
    if (depth == 0) {
      root_seen_ = element == "list";
      return root_seen_;
    }
    if (depth != 1) return false;
    kind_ = element == "directory" ? EntryKind::directory
            : element == "file"    ? EntryKind::file
                                   : EntryKind::unknown;
    name_.clear();
    time_ = attribute(reader_, "mtime");
    size_ = attribute(reader_, "size");
    return true;
  }

  void add() {
    const auto time = parse_time_text(time_);
    const SizeText size = parse_size_attribute(size_);
    collector_.add(encode_segment(name_), kind_,
                   size.form == SizeForm::none ? std::nullopt : std::optional(size.value),
                   time ? std::optional(time->time) : std::nullopt);
  }

  xmlTextReader* reader_;
  EntryCollector collector_;
  EntryKind kind_ = EntryKind::unknown;
  std::string name_, time_, size_;
  bool root_seen_ = false;
};

// nginx ends its lines with CR LF. Anywhere else a CR may belong to a name, and
// XML would turn it into LF.
bool has_inner_cr(std::string_view body) {
  for (auto at = body.find('\r'); at != body.npos; at = body.find('\r', at + 1)) {
    const bool line_end = at > 0 && body[at - 1] == '>' && body.substr(at + 1, 1) == "\n";
    const std::string_view next = body.substr(std::min(at + 2, body.size()), 1);
    if (!line_end || (next != "<" && !next.empty())) return true;
  }
  return false;
}

}  // namespace

Result<Listing> parse_xml_listing(const ListingPage& page, const ListingLimits& limits) {
  // A listing declares no document type; whoever does wants entities expanded.
  if (page.body.find("<!DOCTYPE") != page.body.npos) {
    return fail(Errc::bad_reply, "the XML has a document type");
  }
  if (has_inner_cr(page.body) || page.body.find('\0') != page.body.npos) {
    return fail(Errc::bad_reply, "the XML contains a stray CR or NUL");
  }
  const Reader reader(
      xmlReaderForMemory(page.body.data(), static_cast<int>(page.body.size()), nullptr, "UTF-8",
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
  if (reader == nullptr) return fail(Errc::internal, "libxml2 has no memory");
  xmlTextReaderSetStructuredErrorHandler(reader.get(), ignore_error, nullptr);
  return ListReader(reader.get(), limits.max_entries).run();
}

}  // namespace lazymirror
