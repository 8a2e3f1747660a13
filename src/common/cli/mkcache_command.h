// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror mkcache`: an XFS image as the home of a watched cache.
#pragma once

#include "config/options.h"
#include "config/places.h"

namespace lazymirror::cli {

// The exit status. REQUIRES: the options are valid.
[[nodiscard]] int mkcache_command(const Options& options, const Surroundings& user);

}  // namespace lazymirror::cli
