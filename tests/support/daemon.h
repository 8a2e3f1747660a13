// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror mount` or `lazymirror watch` as a child process in the
// foreground: its log is caught and printed when the test fails, and neither
// it nor its mount outlives the test. Not synchronised.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {

// The binary under test, and another way to name it for a process that has
// lost the right to walk there.
[[nodiscard]] std::string lazymirror_binary();
void set_lazymirror_binary(const std::string& path);
[[nodiscard]] bool lazymirror_is_built();

struct DaemonOptions {
  std::string url;
  std::string mountpoint;  // of watch: another place to show the tree at, or empty
  std::string cache;
  std::vector<std::string> options = {};  // further options: "--ttl=1s"
  std::vector<std::string> environment = {};
  bool in_place = false;  // watch
  std::vector<int> descriptors = {};
};

class Daemon {
 public:
  // Starts it; `work` holds its log and must outlive it.
  Daemon(DaemonOptions options, const TempDir& work);
  ~Daemon();  // kills, unmounts, prints the log if the test has failed

  // Blocks until the tree answers. False, with the log as the message, when
  // the daemon ended or the deadline passed.
  [[nodiscard]] ::testing::AssertionResult ready(
      std::chrono::milliseconds timeout = std::chrono::seconds(20));

  // SIGTERM; the exit status, or nothing when it has not ended by the deadline.
  std::optional<int> terminate(std::chrono::milliseconds timeout = std::chrono::seconds(30));
  void kill();  // SIGKILL; leaves a dead mount behind, as a crash does, until the end of this
  std::optional<int> wait(std::chrono::milliseconds timeout);
  // What a kill left behind is for the next start.
  void leave_it_as_it_is() { over_ = true; }

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] std::string log() const { return child_.log(); }
  [[nodiscard]] const std::string& mountpoint() const { return mountpoint_; }  // of the tree
  [[nodiscard]] std::uint64_t resident_bytes() const;                          // VmRSS

 private:
  [[nodiscard]] bool answers() const;
  void clean_up();
  std::string mountpoint_;
  std::string cache_;
  bool in_place_;
  bool over_ = false;  // it has ended and its mount is gone: what comes there later is another's
  ChildProcess child_;
};

}  // namespace lazymirror::testing
