// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace lazymirror::cli {

// Absolute and without links, as realpath(3).
[[nodiscard]] Result<std::string> real_path(const std::string& path);

}  // namespace lazymirror::cli
