// SPDX-License-Identifier: Apache-2.0
//
// The command line and the config file -> Options. Flag before file before
// default; of two flags the last one counts; what may be repeated adds up.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/command.h"
#include "config/options.h"
#include "config/places.h"

namespace lazymirror {

struct Invocation {
  Command command = Command::mount;
  bool named = false;  // the command was, and not understood from its absence
  Options options;     // paths absolute, URL and cache location as given
};

// `arguments` without the program's name. Errc::invalid is wrong usage, the
// sentence says what and, for a misspelt option, what was probably meant.
// Options are judged before the number of arguments; with --help or --version
// nothing else needs to be there.
[[nodiscard]] Result<Invocation> parse_command_line(const std::vector<std::string>& arguments,
                                                    const Surroundings& user);

}  // namespace lazymirror
