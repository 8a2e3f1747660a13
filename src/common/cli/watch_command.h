// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror watch`: puts origin, cache, engine and the watch together, serves
// until it is told to stop.
#pragma once

#include "config/options.h"
#include "config/places.h"

namespace lazymirror::cli {

// The exit status. REQUIRES: the options are valid; one thread.
[[nodiscard]] int watch_command(const Options& options, const Surroundings& user);

}  // namespace lazymirror::cli
