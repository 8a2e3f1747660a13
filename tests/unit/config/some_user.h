// SPDX-License-Identifier: Apache-2.0
//
// Users for tests: nothing of the user who runs them is looked at.
#pragma once

#include "config/command_line.h"
#include "config/places.h"

namespace lazymirror {

// Has no config file.
inline Surroundings some_user() {
  return {.root = false,
          .home = "/nonexistent/home",
          .xdg_config_home = "",
          .xdg_cache_home = "",
          .working_directory = "/here"};
}

inline Result<Invocation> parse(const std::vector<std::string>& arguments) {
  return parse_command_line(arguments, some_user());
}

// REQUIRES: the arguments are right.
inline Options options_of(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"http://h/", "/mnt"});
  return parse(arguments).value().options;
}

inline std::string error_of(const std::vector<std::string>& arguments) {
  const auto parsed = parse(arguments);
  return parsed ? "" : parsed.error().message;
}

}  // namespace lazymirror
