// SPDX-License-Identifier: Apache-2.0
//
// The oracle origin as a program: `oracle_server DELAY_MS FILE:SIZE...` prints
// its URL and serves until its standard input ends. "/d:1000x250:77" makes 1000
// directories of 250 files of 77 bytes.
#include <cstdio>
#include <iostream>
#include <string>

#include "support/oracle_origin.h"

namespace {

using lazymirror::testing::OracleOrigin;

void put_many(OracleOrigin& origin, const std::string& prefix, int directories, int files,
              std::uint64_t size) {
  for (int d = 0; d < directories; ++d) {
    for (int f = 0; f < files; ++f) {
      origin.put(prefix + std::to_string(d) + "/some-file-of-usual-length-" + std::to_string(f) +
                     ".tar.gz",
                 {.size = size});
    }
  }
}

void put(OracleOrigin& origin, const std::string& argument) {
  const std::size_t colon = argument.find(':');
  const std::string path = argument.substr(0, colon), rest = argument.substr(colon + 1);
  int directories = 0, files = 0;
  unsigned long long size = 0;
  if (std::sscanf(rest.c_str(), "%dx%d:%llu", &directories, &files, &size) == 3) {
    put_many(origin, path, directories, files, size);
  } else {
    origin.put(path, {.size = std::stoull(rest)});
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: oracle_server DELAY_MS FILE:SIZE...\n";
    return 2;
  }
  OracleOrigin origin;
  for (int i = 2; i < argc; ++i) put(origin, argv[i]);
  origin.set_delay_ms(static_cast<unsigned>(std::stoul(argv[1])));
  std::cout << origin.url() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  return 0;
}
