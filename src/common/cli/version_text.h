// SPDX-License-Identifier: Apache-2.0
//
// The text of --version: ours and that of every library that a bug report
// should name.
#pragma once

#include <string>

namespace lazymirror::cli {

[[nodiscard]] std::string version_text();

}  // namespace lazymirror::cli
