// SPDX-License-Identifier: Apache-2.0
//
// Another program, ended on all paths: it dies with the thread that started it
// (PR_SET_PDEATHSIG), and with this object. Its output goes to a file. Not
// synchronised.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace lazymirror::testing {

struct ChildOptions {
  std::vector<std::string> argv;
  std::string log_file = {};                  // of standard output and error, appended; empty: ours
  std::vector<std::string> environment = {};  // "NAME=value", beside what is inherited
  std::string directory = {};                 // to run in
  std::vector<int> descriptors = {};          // are 3, 4, ... there, as of a service manager
};

class ChildProcess {
 public:
  explicit ChildProcess(ChildOptions options);  // throws std::system_error
  ~ChildProcess();                              // kills
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }  // readable once it has ended
  [[nodiscard]] bool running();
  void signal(int number);

  // The exit status, or 128 + the signal that ended it, as a shell counts;
  // nothing at the deadline.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds timeout);
  void kill();  // SIGKILL, and waits
  [[nodiscard]] std::string log() const;

 private:
  std::string log_file_;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::optional<int> status_;
};

struct CommandResult {
  std::optional<int> status;  // nothing: it was killed at the deadline
  std::string output;         // standard output and error
};

// Runs a command to its end.
[[nodiscard]] CommandResult run_command(
    std::vector<std::string> argv, std::chrono::milliseconds timeout = std::chrono::seconds(20));
// The same for a shell's line.
[[nodiscard]] CommandResult run_shell(const std::string& line,
                                      std::chrono::milliseconds timeout = std::chrono::seconds(20));

// A TCP port of 127.0.0.1 that was free a moment ago.
[[nodiscard]] unsigned free_port();
// Waits until something listens there; false at the deadline or when `child` ended.
[[nodiscard]] bool wait_for_port(unsigned port, ChildProcess& child,
                                 std::chrono::milliseconds timeout);

}  // namespace lazymirror::testing
