// SPDX-License-Identifier: Apache-2.0
#include "http/response_head.h"

#include <algorithm>

#include "http/header_values.h"

namespace lazymirror {
namespace {

constexpr int kLastRequest = -1;

class HeaderReader {
 public:
  explicit HeaderReader(CURL* easy) : easy_(easy) {}

  std::string get(const char* name) {
    curl_header* field = nullptr;
    if (!find(name, 0, &field)) return {};
    const std::string value = field->value;
    const std::size_t amount = field->amount;
    for (std::size_t i = 1; i < amount && find(name, i, &field); ++i) {
      if (value != field->value) ambiguous_ = true;
    }
    return value;
  }

  // Of a field that decides nothing about bytes: the first one will do.
  std::string first(const char* name) {
    curl_header* field = nullptr;
    return find(name, 0, &field) ? field->value : std::string();
  }

  std::optional<std::int64_t> date(const char* name) {
    const std::string text = get(name);
    return text.empty() ? std::nullopt : parse_http_date(text);
  }

  // All fields of a list, joined as RFC 9110 section 5.3 allows.
  std::string list(const char* name) {
    std::string out;
    curl_header* field = nullptr;
    for (std::size_t i = 0; find(name, i, &field); ++i) {
      if (i > 0) out += ", ";
      out += field->value;
    }
    return out;
  }

  [[nodiscard]] bool ambiguous() const { return ambiguous_; }

 private:
  bool find(const char* name, std::size_t index, curl_header** out) {
    return curl_easy_header(easy_, name, index, CURLH_HEADER, kLastRequest, out) == CURLHE_OK;
  }

  CURL* easy_;
  bool ambiguous_ = false;
};

int http_major(CURL* easy) {
  long version = 0;
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
  return version == CURL_HTTP_VERSION_2_0 ? 2 : version == CURL_HTTP_VERSION_3 ? 3 : 1;
}

// A day stands for more, of which there may be more than a Duration holds.
std::optional<Duration> retry_after(CURL* easy) {
  constexpr curl_off_t kDay = 86'400;
  curl_off_t seconds = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, kDay));
}

}  // namespace

ResponseHead read_head(CURL* easy) {
  HeaderReader headers(easy);
  ResponseHead head;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &head.status);
  head.http_major = http_major(easy);
  const std::string length = headers.get("Content-Length");
  if (headers.list("Transfer-Encoding").empty()) head.content_length = parse_decimal(length);
  head.content_range = headers.get("Content-Range");
  head.content_encoding = headers.list("Content-Encoding");
  head.content_type = headers.first("Content-Type");
  head.etag = headers.get("ETag");
  head.last_modified_text = headers.get("Last-Modified");
  if (!head.last_modified_text.empty()) {
    head.last_modified = parse_http_date(head.last_modified_text);
  }
  head.location = headers.get("Location");
  head.ambiguous = headers.ambiguous();
  head.date = headers.date("Date");
  head.expires = headers.date("Expires");
  head.accept_ranges = headers.list("Accept-Ranges");
  head.cache_control = headers.list("Cache-Control");
  head.age = parse_decimal(headers.first("Age"));
  head.retry_after = retry_after(easy);
  return head;
}

}  // namespace lazymirror
