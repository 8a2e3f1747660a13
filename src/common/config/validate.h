// SPDX-License-Identifier: Apache-2.0
//
// What can be said against a set of options before anything is tried: each
// rule is a sentence with its remedy.
#pragma once

#include "base/result.h"
#include "config/command.h"
#include "config/options.h"

namespace lazymirror {

// REQUIRES: paths are absolute. Errc::invalid.
[[nodiscard]] Result<> validate(Command command, const Options& options);

}  // namespace lazymirror
