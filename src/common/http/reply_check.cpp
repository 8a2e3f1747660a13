// SPDX-License-Identifier: Apache-2.0
#include "http/reply_check.h"

#include <array>
#include <ctime>

#include "http/content_range.h"
#include "http/header_values.h"

namespace lazymirror {
namespace {

constexpr std::int64_t kSettledSeconds = 2;

Result<> check_known(const Asked& asked, const Version& seen) {
  if (!asked.known) return {};
  const Version& known = *asked.known;
  if (known.size != seen.size) {
    return fail(Errc::changed, "the file has changed at the origin: it was " +
                                   std::to_string(known.size) + " bytes and is now " +
                                   std::to_string(seen.size));
  }
  if (known.has_validator() && !same_version(known, seen)) {
    return fail(Errc::changed,
                "the file has changed at the origin (ETag or Last-Modified differs)");
  }
  return {};
}

// Without a length the size can only be taken on trust from the version that
// the validator proves.
std::optional<std::uint64_t> whole_size(const ResponseHead& head, const Asked& asked) {
  if (head.content_length) return head.content_length;
  if (!asked.known || !asked.known->has_validator()) return std::nullopt;
  const Version seen = version_of(head, asked.known->size, asked.received);
  if (!same_version(*asked.known, seen)) return std::nullopt;
  return asked.known->size;
}

Result<Accepted> check_whole(const ResponseHead& head, const Asked& asked) {
  const auto size = whole_size(head, asked);
  if (!size) return fail(Errc::bad_reply, "the server states no length");
  const Version version = version_of(head, *size, asked.received);
  if (auto r = check_known(asked, version); !r) return fail(r.error());
  return Accepted{version, {0, *size}};
}

Result<> check_span(const ResponseHead& head, ByteRange asked, ByteRange got) {
  if (got.begin != asked.begin || got.end > asked.end) {
    return fail(Errc::bad_reply,
                "the server sent another range than the one asked for "
                "(Content-Range: " +
                    head.content_range + ")");
  }
  if (head.content_length && *head.content_length != got.size()) {
    return fail(Errc::bad_reply, "Content-Length and Content-Range contradict each other");
  }
  return {};
}

Result<Accepted> check_part(const ResponseHead& head, const Asked& asked) {
  if (!asked.range) return fail(Errc::bad_reply, "the server sent a part of the file unasked");
  const auto content_range = parse_content_range(head.content_range);
  if (!content_range || !content_range->range || !content_range->total) {
    return fail(Errc::bad_reply, "the server sent a part of the file without saying which");
  }
  const Version version = version_of(head, *content_range->total, asked.received);
  if (auto r = check_known(asked, version); !r) return fail(r.error());
  const ByteRange body = *content_range->range;
  if (auto r = check_span(head, *asked.range, body); !r) return fail(r.error());
  if (!version.has_validator() && body != ByteRange{0, version.size}) {
    return fail(Errc::no_ranges,
                "the server sends nothing by which the parts of the file could be "
                "told to be of one version");
  }
  return Accepted{version, body};
}

}  // namespace

Version version_of(const ResponseHead& head, std::uint64_t size, std::int64_t received) {
  Version version{size, strong_etag(head.etag), head.last_modified};
  const std::int64_t answered = head.date.value_or(received);
  if (head.last_modified && answered - *head.last_modified < kSettledSeconds) return {size, {}, {}};
  return version;
}

Result<Accepted> check_content(const ResponseHead& head, const Asked& asked) {
  if (head.ambiguous) {
    return fail(Errc::bad_reply, "the head of the answer contradicts itself");
  }
  if (!is_identity(head.content_encoding)) {
    return fail(Errc::bad_reply, "the server sent the file encoded as '" + head.content_encoding +
                                     "', which was not asked for");
  }
  return head.status == 206 ? check_part(head, asked) : check_whole(head, asked);
}

std::optional<Version> stated_version(const ResponseHead& head, const Asked& asked) {
  auto size = head.content_length;
  if (head.status == 206) {
    const auto range = parse_content_range(head.content_range);
    size = range ? range->total : std::nullopt;
  }
  if (!size) return std::nullopt;
  return version_of(head, *size, asked.received);
}

std::optional<std::uint64_t> probed_size(const ResponseHead& head) {
  if (head.ambiguous || !is_identity(head.content_encoding)) return std::nullopt;
  if (head.status == 200) return head.content_length;
  const auto range = parse_content_range(head.content_range);
  if (head.status == 206) {
    if (!range || range->range != ByteRange{0, 1}) return std::nullopt;
    return range->total;
  }
  if (head.status != 416) return std::nullopt;
  if (!range || !range->total) return 0;  // bare: Apache, darkhttpd, WEBrick
  return *range->total == 0 ? range->total : std::nullopt;
}

std::string if_range_value(const Version& version) {
  if (!version.etag.empty() || !version.last_modified) return version.etag;
  const std::time_t time = *version.last_modified;
  std::tm utc{};
  if (gmtime_r(&time, &utc) == nullptr) return {};
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // By hand because strftime(3) would follow the user's locale.
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900, utc.tm_hour,
                utc.tm_min, utc.tm_sec);
  return text.data();
}

}  // namespace lazymirror
