// SPDX-License-Identifier: Apache-2.0
#include "cli/real_path.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

namespace lazymirror::cli {

Result<std::string> real_path(const std::string& path) {
  std::array<char, PATH_MAX> buffer{};
  if (::realpath(path.c_str(), buffer.data()) != nullptr) return std::string(buffer.data());
  return fail_errno(errno, "cannot reach " + path);
}

}  // namespace lazymirror::cli
