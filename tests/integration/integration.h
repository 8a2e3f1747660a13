// SPDX-License-Identifier: Apache-2.0
//
// The program as a whole, run as a user runs it: what stands around the
// contract of the tree. Needs root and /dev/fuse; everything happens in a
// mount namespace of the test program's own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "integration/program_over_oracle.h"
#include "support/child_process.h"
#include "support/daemon.h"
#include "support/mounts.h"
#include "support/oracle_origin.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "support/truth.h"
#include "support/waiting.h"

namespace lazymirror::testing {

class Integration : public ProgramOverOracle {
 protected:
  Integration();

  // A daemon over the oracle (or `url`), this test's cache and mount point.
  std::unique_ptr<Daemon> start(std::vector<std::string> options = {}, std::string url = "");
  // The same, and it must answer.
  std::unique_ptr<Daemon> mounted(std::vector<std::string> options = {}, std::string url = "");

  [[nodiscard]] std::string at(const std::string& path) const override { return mnt + path; }
  static std::string attribute(const std::string& path, const std::string& name);

  std::string mnt, cache;
};

}  // namespace lazymirror::testing
