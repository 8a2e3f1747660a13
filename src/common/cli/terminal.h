// SPDX-License-Identifier: Apache-2.0
//
// Words to the user.
#pragma once

#include <string>

namespace lazymirror::cli {

// To standard output; false (after a word on standard error) when it cannot
// be written, such as on a full disk.
[[nodiscard]] bool print(const std::string& text);

// "lazymirror: SENTENCE" to standard error.
void print_error(const std::string& sentence);

}  // namespace lazymirror::cli
