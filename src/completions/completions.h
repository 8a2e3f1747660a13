// SPDX-License-Identifier: Apache-2.0
//
// What shells complete for lazymirror, made from the tables of commands and
// options, so that it cannot know others than the program does.
#pragma once

#include <string>

namespace lazymirror::completions {

[[nodiscard]] std::string for_bash();
[[nodiscard]] std::string for_zsh();
[[nodiscard]] std::string for_fish();

}  // namespace lazymirror::completions
