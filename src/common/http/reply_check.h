// SPDX-License-Identifier: Apache-2.0
//
// The judge of answers: no byte of a file reaches a sink before the head of
// its answer has passed here. libcurl checks neither that a range was answered
// with 206 nor which range came, and many servers ignore If-Range, so all of it
// is checked here (RFC 9110 sections 8.8, 13.1.5, 14.4, 15.3.7). Pure; the
// errors carry a reason, to be preceded by what was attempted.
#pragma once

#include <cstdint>
#include <optional>

#include "base/byte_range.h"
#include "base/result.h"
#include "base/version.h"
#include "http/response_head.h"

namespace lazymirror {

// The version that a head speaks of. Weak and unquoted tags are dropped. So are
// all validators when the file was modified less than two seconds before the
// answer: most servers make both tag and date of the modification second, and a
// second write within it would not show. `received` (seconds since 1970) stands
// in for a missing Date, as RFC 9110 section 6.6.1 asks.
[[nodiscard]] Version version_of(const ResponseHead& head, std::uint64_t size,
                                 std::int64_t received);

struct Asked {
  std::optional<ByteRange> range;  // what stood in Range; nothing: the whole file
  std::optional<Version> known;    // what the cache holds, or the first attempt brought
  std::int64_t received = 0;       // now, in seconds since 1970
};

struct Accepted {
  Version version;
  ByteRange body;  // the file's range that the body holds, from its first byte
};

// Judges a 200 or 206. Errc::changed for another version, Errc::bad_reply for an
// answer that cannot be used, Errc::no_ranges for a part of a file that has no
// validator: parts of such a file cannot be told to belong together, so it is
// to be asked for as a whole.
[[nodiscard]] Result<Accepted> check_content(const ResponseHead& head, const Asked& asked);

// What version such an answer says it is of; nothing where it states no size.
[[nodiscard]] std::optional<Version> stated_version(const ResponseHead& head, const Asked& asked);

// The size of the file when `head` answers a probe: 200 with a length, 206 to
// bytes=0-0, or a 416 to that, which only an empty file can earn.
[[nodiscard]] std::optional<std::uint64_t> probed_size(const ResponseHead& head);

// The value for If-Range, empty when `version` has nothing fit for it.
[[nodiscard]] std::string if_range_value(const Version& version);

}  // namespace lazymirror
