// SPDX-License-Identifier: Apache-2.0
//
// The words of a command line that are not options: what each command makes of
// them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/command.h"
#include "config/options.h"

namespace lazymirror {

// Sets the fields under "What to do". `command_line`: the options without
// those of the config file, as only --cache-location on the command line takes
// the place of an argument. Errc::invalid names what is missing or too much.
Result<> take_arguments(Command command, const std::vector<std::string>& words,
                        const Options& command_line, Options& options);

}  // namespace lazymirror
