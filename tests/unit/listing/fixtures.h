// SPDX-License-Identifier: Apache-2.0
//
// The recorded pages under tests/fixtures/listings and the tree that they show.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "listing/listing.h"

namespace lazymirror::fixtures {

struct Truth {
  std::string type;  // "file", "dir", "broken-symlink"
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
};

// tree-A.tsv by decoded name.
const std::map<std::string, Truth>& tree();

// The bytes of tests/fixtures/listings/`path`.
std::string read(const std::string& path);

// Every recorded page, by path.
std::vector<std::string> all_pages();

std::string_view content_type_of(std::string_view path);

// The address that a page was recorded from, by the directory in its name.
Url base_of(std::string_view path);

Result<Listing> parse(const std::string& path);

// A page as nginx writes it, with these hrefs (already escaped for HTML).
std::string nginx_page(const std::vector<std::string>& hrefs);

Url url(std::string_view text);

}  // namespace lazymirror::fixtures
