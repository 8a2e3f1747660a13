// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the head of an answer, one field a line: what is accepted keeps
// the promises of reply_check.h.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "expect.h"
#include "http/content_range.h"
#include "http/header_values.h"
#include "http/reply_check.h"

namespace {

using namespace lazymirror;

std::string next_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

ResponseHead head_from(std::string_view text) {
  ResponseHead head;
  head.status = next_line(text) == "206" ? 206 : 200;
  head.content_range = next_line(text);
  head.content_length = parse_decimal(next_line(text));
  head.etag = next_line(text);
  head.last_modified = parse_http_date(next_line(text));
  head.date = parse_http_date(next_line(text));
  head.content_encoding = next_line(text);
  head.cache_control = next_line(text);
  return head;
}

void check_accepted(const ResponseHead& head, const Asked& asked) {
  const auto accepted = check_content(head, asked);
  if (!accepted) return;
  const Version& version = accepted->version;
  LM_FUZZ_EXPECT(accepted->body.begin <= accepted->body.end);
  LM_FUZZ_EXPECT(accepted->body.end <= version.size);
  if (asked.known) LM_FUZZ_EXPECT(version.size == asked.known->size);
  if (asked.known && asked.known->has_validator()) {
    LM_FUZZ_EXPECT(same_version(*asked.known, version));
  }
  const bool whole = accepted->body == ByteRange{0, version.size};
  LM_FUZZ_EXPECT(whole || version.has_validator());
  if (head.status == 206) {
    LM_FUZZ_EXPECT(accepted->body.begin == asked.range->begin);
    LM_FUZZ_EXPECT(accepted->body.end <= asked.range->end);
  } else {
    LM_FUZZ_EXPECT(whole);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ResponseHead head = head_from({reinterpret_cast<const char*>(data), size});
  if (const auto range = parse_content_range(head.content_range); range && range->range) {
    LM_FUZZ_EXPECT(!range->range->empty());
    LM_FUZZ_EXPECT(!range->total || range->range->end <= *range->total);
  }
  if (const auto age = freshness(head.cache_control, head.last_modified, head.date)) {
    LM_FUZZ_EXPECT(age->count() >= 0);
  }
  constexpr std::int64_t kNow = 1'800'000'000;
  const Version known{100, "\"a\"", 784'111'777};
  for (const auto& asked_range : {std::optional(ByteRange{10, 20}), std::optional<ByteRange>()}) {
    check_accepted(head, {asked_range, std::nullopt, kNow});
    check_accepted(head, {asked_range, Version{100, {}, {}}, kNow});
    check_accepted(head, {asked_range, known, kNow});
  }
  return 0;
}
