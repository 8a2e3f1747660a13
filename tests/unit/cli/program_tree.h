// SPDX-License-Identifier: Apache-2.0
//
// A small tree that the program shows, mounted and watched, on a disk of its own.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "support/loop_fs.h"
#include "support/oracle_origin.h"
#include "support/temp_dir.h"
#include "unit/cli/program.h"

namespace lazymirror::testing {

enum class Mode { mount, watch };

class ProgramTreeTest : public ::testing::TestWithParam<Mode> {
 protected:
  static constexpr std::uint64_t kSize = 8 << 20;

  void SetUp() override;
  ~ProgramTreeTest() override;

  Outcome start(const std::string& more = "");

  TempDir work_;
  OracleOrigin origin_;  // /small, 1000 bytes, and /large, kSize
  std::unique_ptr<SmallFs> disk_;
  std::string cache_, tree_;
};

}  // namespace lazymirror::testing
