// SPDX-License-Identifier: Apache-2.0
//
// The program as a user runs it, over an origin whose bytes are known: what
// tests of mounts and of trees in place have in common.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/oracle_origin.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {

class ProgramOverOracle : public ::testing::Test {
 protected:
  // Where the tree shows what the origin has at `path`.
  [[nodiscard]] virtual std::string at(const std::string& path) const = 0;

  // The program in the foreground until it ends by itself, which it must.
  CommandResult run(std::vector<std::string> arguments,
                    std::chrono::milliseconds timeout = std::chrono::seconds(30));
  // The file in the tree is the oracle's of the same path.
  ::testing::AssertionResult is_right(const std::string& path, std::uint64_t size,
                                      std::uint64_t version = 1);
  // 0 when the file can be read to its end, else the errno.
  static int read_error(const std::string& path);

  OracleOrigin origin;
  TempDir work;
};

}  // namespace lazymirror::testing
