// SPDX-License-Identifier: Apache-2.0
//
// The binary as a shell runs it, its two outputs apart.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace lazymirror::testing {

struct Outcome {
  int status = -1;  // -1: it had to be killed at the deadline
  std::string out, err;
};

// Runs `lazymirror ARGUMENTS` (a shell's words) to the end of the program that
// was started; a daemon that it leaves behind goes on. `before` stands before
// the program's name: "HOME=/x", "env -i".
[[nodiscard]] Outcome run_program(const std::string& arguments, const std::string& before = "",
                                  std::chrono::seconds limit = std::chrono::seconds(30));

// `lazymirror evict`, again until nothing but pins keeps a file: after a read or a fetch
// the tree itself may hold it for a moment longer.
[[nodiscard]] Outcome evict(const std::string& arguments);

// The processes whose command line has `word`: a daemon has no other handle.
[[nodiscard]] std::vector<pid_t> processes_with(const std::string& word);

}  // namespace lazymirror::testing
