// SPDX-License-Identifier: Apache-2.0
//
// The identity of a remote file: its size and a validator (RFC 9110 section
// 8.8). Two answers belong to the same version only if nothing that both state
// differs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lazymirror {

struct Version {
  std::uint64_t size = 0;
  std::string etag;                           // strong and quoted, else empty (weak ones dropped)
  std::optional<std::int64_t> last_modified;  // seconds since 1970 UTC

  // Whether parts fetched in separate requests can be told to be of one
  // version. Without it a file is only ever fetched whole, in one response.
  [[nodiscard]] bool has_validator() const { return !etag.empty() || last_modified.has_value(); }

  friend bool operator==(const Version&, const Version&) = default;
};

// Whether `seen` may be a part of the version `known`: the size is equal, and so
// is the validator that `known` has: its ETag, which decides alone (RFC 9110
// section 13.2.2), else its date. An answer that lacks that validator is not
// trusted. A version without any is whatever has its size.
[[nodiscard]] bool same_version(const Version& known, const Version& seen);

}  // namespace lazymirror
