// SPDX-License-Identifier: Apache-2.0
//
// The text of --help, made from the option table: by groups, every default
// shown, at most 80 columns.
#pragma once

#include <optional>
#include <string>

#include "config/command.h"

namespace lazymirror {

// Of one command, or of all.
[[nodiscard]] std::string help_text(std::optional<Command> command = {});

}  // namespace lazymirror
