// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror reload`: has running trees read their config file again.
#pragma once

#include "config/options.h"

namespace lazymirror::cli {

// The exit status: kNotRunning when there is nobody to tell.
[[nodiscard]] int reload_command(const Options& options);

}  // namespace lazymirror::cli
