// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/program.h"

#include <unistd.h>

#include <filesystem>

#include "support/child_process.h"
#include "support/daemon.h"
#include "support/waiting.h"

namespace lazymirror::testing {

Outcome run_program(const std::string& arguments, const std::string& before,
                    std::chrono::seconds limit) {
  const TempDir work;
  const std::string out = work / "out";
  const std::string err = work / "err";
  const auto result = run_shell(
      before + " " + lazymirror_binary() + " " + arguments + " >" + out + " 2>" + err, limit);
  return {result.status.value_or(-1), slurp(out), slurp(err)};
}

Outcome evict(const std::string& arguments) {
  Outcome o;
  EXPECT_TRUE(eventually([&] {
    o = run_program("evict " + arguments);
    const auto says = [&](const char* word) { return o.err.find(word) != std::string::npos; };
    return o.status == 0 || (says("pinned") && !says("in use"));
  })) << o.err;
  return o;
}

std::vector<pid_t> processes_with(const std::string& word) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    if (slurp(entry.path() / "cmdline").find(word) == std::string::npos) continue;
    const pid_t pid = std::stoi(name);
    if (pid != ::getpid()) found.push_back(pid);
  }
  return found;
}

}  // namespace lazymirror::testing
