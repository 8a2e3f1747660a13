// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror stop`: ends what runs on a cache, or what a killed run left.
#pragma once

#include "config/options.h"
#include "config/places.h"

namespace lazymirror::cli {

// The exit status.
[[nodiscard]] int stop_command(const Options& options, const Surroundings& user);

}  // namespace lazymirror::cli
