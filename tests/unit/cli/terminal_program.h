// SPDX-License-Identifier: Apache-2.0
//
// The binary on a terminal of 80 columns, as a user sees it. Killed with the
// object. Not synchronised.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace lazymirror::testing {

class TerminalProgram {
 public:
  explicit TerminalProgram(std::vector<std::string> arguments);  // throws std::system_error
  ~TerminalProgram();
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  // False when it ended, or the deadline passed, without `text`.
  [[nodiscard]] bool shows(const std::string& text);
  void type(const std::string& keys) const;  // "\x03" is Ctrl-C
  // To its end; as a shell counts. -1: not at the deadline.
  [[nodiscard]] int wait();
  [[nodiscard]] const std::string& screen() const { return screen_; }  // all that was sent to it

 private:
  static constexpr std::chrono::seconds kLimit{30};
  [[nodiscard]] bool read_more(std::chrono::steady_clock::time_point end);

  pid_t pid_ = -1;
  UniqueFd terminal_;
  std::string screen_;
};

}  // namespace lazymirror::testing
