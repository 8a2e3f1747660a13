// SPDX-License-Identifier: Apache-2.0
#include "integration/program_over_oracle.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.h"
#include "support/daemon.h"
#include "support/truth.h"

namespace lazymirror::testing {

CommandResult ProgramOverOracle::run(std::vector<std::string> arguments,
                                     std::chrono::milliseconds timeout) {
  arguments.insert(arguments.begin(), lazymirror_binary());
  return run_command(std::move(arguments), timeout);
}

::testing::AssertionResult ProgramOverOracle::is_right(const std::string& path, std::uint64_t size,
                                                       std::uint64_t version) {
  return file_is(at(path), path, version, size);
}

int ProgramOverOracle::read_error(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n <= 0) return n < 0 ? errno : 0;
  }
}

}  // namespace lazymirror::testing
