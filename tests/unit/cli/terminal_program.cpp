// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/terminal_program.h"

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "support/daemon.h"

namespace lazymirror::testing {

TerminalProgram::TerminalProgram(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), lazymirror_binary());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const winsize size{.ws_row = 25, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  pid_ = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
  if (pid_ == 0) {
    ::signal(SIGINT, SIG_DFL);  // which type() may send; a shell may have ignored it
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  terminal_ = UniqueFd(terminal);
}

TerminalProgram::~TerminalProgram() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

// False at the end or at the deadline.
bool TerminalProgram::read_more(std::chrono::steady_clock::time_point end) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  pollfd ready{terminal_.get(), POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) {
    return false;
  }
  std::array<char, 4096> buffer{};
  const ssize_t n = ::read(terminal_.get(), buffer.data(), buffer.size());
  if (n <= 0) return false;  // EIO: nobody has it open any more
  screen_.append(buffer.data(), static_cast<std::size_t>(n));
  return true;
}

bool TerminalProgram::shows(const std::string& text) {
  const auto end = std::chrono::steady_clock::now() + kLimit;
  while (screen_.find(text) == screen_.npos) {
    if (!read_more(end)) return false;
  }
  return true;
}

void TerminalProgram::type(const std::string& keys) const {
  const ssize_t n = ::write(terminal_.get(), keys.data(), keys.size());
  if (n != static_cast<ssize_t>(keys.size())) {
    throw std::system_error(errno, std::generic_category(), "write to the terminal");
  }
}

int TerminalProgram::wait() {
  const auto end = std::chrono::steady_clock::now() + kLimit;
  while (read_more(end)) {
  }
  if (std::chrono::steady_clock::now() >= end) return -1;
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace lazymirror::testing
