// SPDX-License-Identifier: Apache-2.0
//
// What a daemon tells its log, and nobody else: no answer, no exit status
// depends on it. Where the lines go and from which level on is set up by the
// command line (cli/log_setup.h); before that they go to standard output.
//
//   log::warn("cache: {}: {}", name, error.message);
//
// A format that does not fit its values does not compile. The values are
// formatted behind one function: a call of spdlog's own templates costs seconds
// of compiling in each file.
//
// Threads: safe from any thread.
#pragma once

#include <spdlog/fmt/fmt.h>

namespace lazymirror::log {

enum class Level { debug, info, warning, error };

void write(Level level, fmt::string_view format, fmt::format_args values);

template <typename... Values>
void debug(fmt::format_string<Values...> format, Values&&... values) {
  write(Level::debug, format, fmt::make_format_args(values...));
}

template <typename... Values>
void info(fmt::format_string<Values...> format, Values&&... values) {
  write(Level::info, format, fmt::make_format_args(values...));
}

template <typename... Values>
void warn(fmt::format_string<Values...> format, Values&&... values) {
  write(Level::warning, format, fmt::make_format_args(values...));
}

template <typename... Values>
void error(fmt::format_string<Values...> format, Values&&... values) {
  write(Level::error, format, fmt::make_format_args(values...));
}

}  // namespace lazymirror::log
