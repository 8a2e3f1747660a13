// SPDX-License-Identifier: Apache-2.0
//
// The program: a command line in, an exit status out. Help and version go to
// standard output, everything else to standard error.
#pragma once

namespace lazymirror::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNotRunning = 3;  // as the Linux Standard Base has it for status

// Overwrites the secrets in `argv`.
[[nodiscard]] int run(int argc, char** argv);

}  // namespace lazymirror::cli
