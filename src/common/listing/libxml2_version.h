// SPDX-License-Identifier: Apache-2.0
//
// For --version: what reads hostile HTML in this process.
#pragma once

#include <string>

namespace lazymirror {

// "2.9.14": the version loaded at run time, not the one compiled against.
[[nodiscard]] std::string libxml2_version_text();

}  // namespace lazymirror
