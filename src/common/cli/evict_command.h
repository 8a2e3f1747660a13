// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror evict`: asks the running watch to give the bytes of files back.
#pragma once

#include "config/options.h"

namespace lazymirror::cli {

// The exit status: failure if any of the paths could not be evicted.
[[nodiscard]] int evict_command(const Options& options);

}  // namespace lazymirror::cli
