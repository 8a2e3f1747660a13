// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror mount`: puts origin, cache, engine and mount together, serves
// until the tree is unmounted, and takes them apart again.
#pragma once

#include "config/options.h"
#include "config/places.h"

namespace lazymirror::cli {

// The exit status. REQUIRES: the options are valid; one thread.
[[nodiscard]] int mount_command(const Options& options, const Surroundings& user);

}  // namespace lazymirror::cli
