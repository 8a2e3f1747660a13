// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <cstdio>

namespace lazymirror::cli {

bool print(const std::string& text) {
  const bool put = std::fputs(text.c_str(), stdout) >= 0;
  if (put && std::fflush(stdout) == 0) return true;
  print_error("cannot write to standard output");
  return false;
}

void print_error(const std::string& sentence) {
  std::fprintf(stderr, "lazymirror: %s\n", sentence.c_str());
}

}  // namespace lazymirror::cli
