// SPDX-License-Identifier: Apache-2.0
//
// Checksums that are published beside files: SHA256SUMS and its kin, with a
// signature around them or not (sha256sums.asc), and one list for each file
// (name.sha256). Signatures are not checked. Pure, as listing.h; input is
// hostile.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/digest.h"

namespace lazymirror {

struct PublishedSum {
  DigestKind kind = DigestKind::md5;
  std::string hex;   // in lower case
  std::string list;  // the name of the file it was found in
};
using PublishedSums = std::map<std::string, PublishedSum, std::less<>>;  // by name

inline constexpr std::size_t kMaxChecksumList = 16u << 20;  // bytes

// Whether a file of that name lists checksums of what is beside it.
[[nodiscard]] bool is_checksum_list(std::string_view name);

// Whether it is one for a single file, as "name.sha256" is.
[[nodiscard]] bool lists_one_file(std::string_view name);

// Adds what the list says of files in its own directory; of several checksums
// of one file the strongest stays. What cannot be read is skipped.
void add_checksums(std::string_view list, std::string_view text, PublishedSums& sums);

}  // namespace lazymirror
