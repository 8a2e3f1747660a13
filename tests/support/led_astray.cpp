// SPDX-License-Identifier: Apache-2.0
#include "support/led_astray.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"

namespace lazymirror::testing {
namespace {

#ifdef __x86_64__

constexpr std::string_view kJumpToItself = "\xeb\xfe";
constexpr std::string_view kSystemCall = "\x0f\x05";

struct Mapping {
  std::uint64_t begin = 0, end = 0;
};

std::vector<Mapping> code_of(pid_t process) {
  std::vector<Mapping> found;
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long long begin = 0, end = 0;
    char mode[5] = {};
    if (std::sscanf(line.c_str(), "%llx-%llx %4s", &begin, &end, mode) != 3) continue;
    const bool is_file = line.find('/') != std::string::npos;
    if (mode[0] == 'r' && mode[2] == 'x' && is_file) found.push_back({begin, end});
  }
  return found;
}

// Where in the code of the process these bytes are, as part of whatever.
std::optional<std::uint64_t> address_of(pid_t process, std::string_view bytes) {
  const UniqueFd memory(
      ::open(("/proc/" + std::to_string(process) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  for (const Mapping& mapping : code_of(process)) {
    std::string code(mapping.end - mapping.begin, '\0');
    const ssize_t n =
        ::pread(memory.get(), code.data(), code.size(), static_cast<off_t>(mapping.begin));
    const auto at = code.substr(0, n < 0 ? 0 : static_cast<std::size_t>(n)).find(bytes);
    if (at != std::string::npos) return mapping.begin + at;
  }
  return std::nullopt;
}

bool stop(pid_t thread) {
  if (::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) return false;
  int status = 0;
  return ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0 &&
         ::waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status);
}

bool go_on_at(pid_t thread, std::uint64_t address) {
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return false;
  registers.rip = address;
  registers.rax = SYS_pause;
  registers.orig_rax = ~0ULL;  // the system call that it is in is not begun again
  return ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers) == 0;
}

#endif

}  // namespace

std::vector<pid_t> threads_named(pid_t process, const std::string& name) {
  std::vector<pid_t> found;
  std::error_code error;
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
    std::string its_name;
    std::getline(std::ifstream(task.path() / "comm"), its_name);
    if (its_name == name) found.push_back(std::stoi(task.path().filename()));
  }
  return found;
}

#ifdef __x86_64__

bool can_lead_astray() { return ::geteuid() == 0; }

bool lead_astray(pid_t process, pid_t thread, Astray where) {
  const auto address = address_of(process, where == Astray::spinning ? kJumpToItself : kSystemCall);
  if (!address || !stop(thread)) return false;
  const bool led = go_on_at(thread, *address);
  return ::ptrace(PTRACE_DETACH, thread, nullptr, nullptr) == 0 && led;
}

#else

bool can_lead_astray() { return false; }
bool lead_astray(pid_t, pid_t, Astray) { return false; }

#endif

}  // namespace lazymirror::testing
