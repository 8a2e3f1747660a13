// SPDX-License-Identifier: Apache-2.0
#include "fanotify/known_process.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "fanotify/pidfd.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kLookAgain{50};

struct CloseDirectory {
  void operator()(DIR* directory) const { (void)::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Result<std::string> name_for(Role role, const std::string& cache_directory) {
  struct stat info {};
  if (::stat(cache_directory.c_str(), &info) != 0) {
    return fail_errno(errno, "cannot look at " + cache_directory);
  }
  const std::string what = role == Role::caretaker ? "caretaker" : "guard";
  return "lazymirror-" + what + "-" + std::to_string(info.st_dev) + "-" +
         std::to_string(info.st_ino);
}

pid_t number_in(const char* text) {
  pid_t pid = -1;
  const char* const end = text + std::char_traits<char>::length(text);
  return std::from_chars(text, end, pid).ptr == end ? pid : -1;
}

// Nothing if it has nothing open: it is about to end.
std::optional<bool> holds(pid_t pid, const std::string& memfd) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  const Directory descriptors(::opendir(path.c_str()));
  std::optional<bool> held;
  if (!descriptors) return held;
  std::array<char, 256> target{};
  while (const dirent* entry = ::readdir(descriptors.get())) {
    const ssize_t n =
        ::readlinkat(::dirfd(descriptors.get()), entry->d_name, target.data(), target.size());
    if (n <= 0) continue;
    held = std::string_view(target.data(), static_cast<std::size_t>(n)) == memfd;
    if (*held) break;
  }
  return held;
}

struct Known {
  pid_t pid = -1;
  UniqueFd pidfd;
  std::string memfd;
};

std::vector<Known> all_with(Role role, const std::string& cache_directory) {
  std::vector<Known> found;
  const auto name = name_for(role, cache_directory);
  const Directory processes(::opendir("/proc"));
  if (!name || !processes) return found;
  const std::string memfd = "/memfd:" + *name + " (deleted)";
  while (const dirent* entry = ::readdir(processes.get())) {
    const pid_t pid = number_in(entry->d_name);
    if (pid <= 0 || pid == ::getpid()) continue;
    UniqueFd pidfd = open_pidfd(pid);
    if (pidfd.valid() && holds(pid, memfd) == true) found.push_back({pid, std::move(pidfd), memfd});
  }
  return found;
}

// One that has another part to play now is left alone.
void wait_for_end(const Known& process, SteadyTime deadline) {
  pollfd ended{process.pidfd.get(), POLLIN, 0};
  while (::poll(&ended, 1, static_cast<int>(kLookAgain.count())) != 1) {
    if (holds(process.pid, process.memfd) == false) return;
    if (SteadyTime::clock::now() >= deadline) signal_pidfd(process.pidfd, SIGKILL);
  }
}

}  // namespace

Result<UniqueFd> take_role(Role role, const std::string& cache_directory) {
  const auto name = name_for(role, cache_directory);
  if (!name) return fail(name.error());
  UniqueFd memfd(::memfd_create(name->c_str(), MFD_CLOEXEC));
  if (!memfd.valid()) return fail_errno(errno, "cannot make a memfd");
  return memfd;
}

unsigned tell_to_end(Role role, const std::string& cache_directory) {
  const auto found = all_with(role, cache_directory);
  for (const Known& process : found) signal_pidfd(process.pidfd, SIGTERM);
  return static_cast<unsigned>(found.size());
}

unsigned end_all(Role role, const std::string& cache_directory, Duration limit) {
  const auto deadline = SteadyTime::clock::now() + limit;
  const auto found = all_with(role, cache_directory);
  for (const Known& process : found) signal_pidfd(process.pidfd, SIGTERM);
  for (const Known& process : found) wait_for_end(process, deadline);
  return static_cast<unsigned>(found.size());
}

}  // namespace lazymirror::fanotify
