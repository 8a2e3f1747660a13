// SPDX-License-Identifier: Apache-2.0
//
// The generated origin as a program: `generated_server OUTER INNER FILES`
// prints its URL and serves until its standard input ends.
#include <iostream>
#include <string>

#include "support/generated_origin.h"

int main(int argc, char** argv) {
  using lazymirror::testing::GeneratedOrigin;
  if (argc != 4) {
    std::cerr << "usage: generated_server OUTER INNER FILES\n";
    return 2;
  }
  const auto number = [&](int i) { return static_cast<unsigned>(std::stoul(argv[i])); };
  const GeneratedOrigin origin({number(1), number(2), number(3)});
  std::cout << origin.url() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  return 0;
}
