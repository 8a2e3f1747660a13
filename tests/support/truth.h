// SPDX-License-Identifier: Apache-2.0
//
// Comparing what was read with the oracle's truth, and laying the truth out as
// real files for a real web server.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>

#include "support/oracle_origin.h"

namespace lazymirror::testing {

// The bytes are those of `truth` (its path at the origin) from `offset` on.
[[nodiscard]] ::testing::AssertionResult bytes_are(const std::string& truth, std::uint64_t version,
                                                   std::uint64_t offset,
                                                   std::span<const std::byte> bytes);
[[nodiscard]] ::testing::AssertionResult bytes_are(const std::string& truth, std::uint64_t version,
                                                   std::uint64_t offset, const std::string& bytes);

// The file at `path`, read from begin to end in pieces of `piece` bytes, has
// exactly `size` bytes and they are the truth.
[[nodiscard]] ::testing::AssertionResult file_is(const std::string& path, const std::string& truth,
                                                 std::uint64_t version, std::uint64_t size,
                                                 std::size_t piece = 128u << 10);

// Writes the truth to a local file with the given time, by way of a rename:
// whoever serves the old one goes on.
void lay_out(const std::string& path, const std::string& truth, const OracleFile& file);

}  // namespace lazymirror::testing
