// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror offline` and `lazymirror online`.
#pragma once

#include "config/command.h"
#include "config/options.h"

namespace lazymirror::cli {

[[nodiscard]] int switch_command(Command command, const Options& options);

}  // namespace lazymirror::cli
