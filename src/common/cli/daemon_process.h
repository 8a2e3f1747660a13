// SPDX-License-Identifier: Apache-2.0
//
// What every process that serves a tree sets up for itself first.
#pragma once

namespace lazymirror::cli {

void set_signal_defaults();

// No directory of somebody's shell is kept busy.
void leave_working_directory();

// Whether a terminal is there that can hang up.
[[nodiscard]] bool has_terminal();

}  // namespace lazymirror::cli
