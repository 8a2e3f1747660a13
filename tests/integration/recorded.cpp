// SPDX-License-Identifier: Apache-2.0
#include "integration/recorded.h"

#include "cache/sqlite.h"
#include "support/waiting.h"

namespace lazymirror::testing {
namespace {

std::uint64_t recorded_bytes(const std::string& cache) {
  auto catalog = Database::open(cache + "/meta/catalog.db", Database::Access::read_only);
  if (!catalog) return 0;
  return static_cast<std::uint64_t>(catalog->value("SELECT stored FROM state").value_or(0));
}

}  // namespace

bool wait_until_recorded(const std::string& cache, std::uint64_t bytes) {
  return eventually([&] { return recorded_bytes(cache) >= bytes; });
}

}  // namespace lazymirror::testing
