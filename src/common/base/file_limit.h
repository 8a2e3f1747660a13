// SPDX-License-Identifier: Apache-2.0
//
// How many files this process may have open (RLIMIT_NOFILE). Safe from any thread.
#pragma once

#include <cstddef>

namespace lazymirror {

// Every open file of a user and every file being filled holds a descriptor.
void raise_file_limit();

// Descriptors have numbers below it.
[[nodiscard]] std::size_t file_limit();

}  // namespace lazymirror
