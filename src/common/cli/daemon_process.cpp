// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon_process.h"

#include <unistd.h>

#include <csignal>

#include "base/log.h"

namespace lazymirror::cli {

void set_signal_defaults() {
  ::signal(SIGPIPE, SIG_IGN);  // a broken connection is an error value
  ::signal(SIGCHLD, SIG_DFL);  // an inherited SIG_IGN would make waitpid(2) fail
}

void leave_working_directory() {
  if (::chdir("/") != 0) log::warn("cli: cannot leave the working directory");
}

bool has_terminal() {
  return ::isatty(STDIN_FILENO) != 0 || ::isatty(STDOUT_FILENO) != 0 ||
         ::isatty(STDERR_FILENO) != 0;
}

}  // namespace lazymirror::cli
