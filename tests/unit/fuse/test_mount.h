// SPDX-License-Identifier: Apache-2.0
//
// The test daemon as a child, its mount, and the questions that tests ask it.
// Everything is gone with the object, and with the test program (mounts live
// in a namespace of its own). Not synchronised.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/temp_dir.h"
#include "support/waiting.h"

namespace lazymirror::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

// For a busy machine: what is waited for comes at once, or never.
inline constexpr seconds kSoon(30);

class TestMount {
 public:
  // Starts the daemon and waits until it serves; reports a failure to GoogleTest.
  explicit TestMount(const std::string& io, std::vector<std::string> options = {});
  ~TestMount();

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& root() const { return mountpoint_; }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return mountpoint_ + "/" + name;
  }
  [[nodiscard]] ChildProcess& daemon() { return *daemon_; }

  std::string ask(const std::string& command);
  void start();  // once more, after the daemon has ended

 private:
  void end_daemon();

  const std::string io_;
  const std::vector<std::string> options_;
  TempDir work_;
  std::string mountpoint_, data_;
  std::unique_ptr<ChildProcess> daemon_;
  bool mounted_ = false;
};

// Runs the daemon with what it should refuse: its status and what it said.
[[nodiscard]] CommandResult run_daemon(const std::string& mountpoint, const std::string& data,
                                       const std::string& io,
                                       const std::vector<std::string>& options = {});

// What this build has: passthrough needs a newer libfuse than Debian 12's.
[[nodiscard]] bool can_pass_through();
[[nodiscard]] std::vector<std::string> ways();

}  // namespace lazymirror::testing
