// SPDX-License-Identifier: Apache-2.0
//
// Where the log goes. In the foreground: standard error. In the background:
// syslog, and warnings to the terminal as well until the mount stands.
// Makes the default logger of spdlog; REQUIRES: nobody logs yet.
#pragma once

#include <functional>
#include <string>

namespace lazymirror::cli {

void log_to_stderr(const std::string& level);

// Call the result, from any thread, when the terminal is to be left alone.
[[nodiscard]] std::function<void()> log_to_syslog(const std::string& level);

}  // namespace lazymirror::cli
