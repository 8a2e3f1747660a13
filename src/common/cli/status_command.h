// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror status`: asks one running tree, or all that this user may ask.
#pragma once

#include "config/options.h"

namespace lazymirror::cli {

// The exit status: kNotRunning when there is nobody to ask.
[[nodiscard]] int status_command(const Options& options);

}  // namespace lazymirror::cli
