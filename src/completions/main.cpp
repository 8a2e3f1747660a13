// SPDX-License-Identifier: Apache-2.0
//
// lazymirror-completions bash|zsh|fish: run by the build, not installed.
#include <iostream>
#include <string_view>

#include "completions/completions.h"

int main(int argc, char** argv) {
  using namespace lazymirror::completions;
  const std::string_view shell = argc == 2 ? argv[1] : "";
  if (shell == "bash") {
    std::cout << for_bash();
  } else if (shell == "zsh") {
    std::cout << for_zsh();
  } else if (shell == "fish") {
    std::cout << for_fish();
  } else {
    std::cerr << "usage: lazymirror-completions bash|zsh|fish\n";
    return 2;
  }
  return std::cout.flush() ? 0 : 1;
}
