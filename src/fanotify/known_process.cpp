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
#include <string_view>
#include <vector>

#include "fanotify/pidfd.h"

namespace lazymirror::fanotify {
namespace {

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

bool holds(pid_t pid, const std::string& memfd) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  const Directory descriptors(::opendir(path.c_str()));
  if (!descriptors) return false;
  std::array<char, 256> target{};
  while (const dirent* entry = ::readdir(descriptors.get())) {
    const ssize_t n =
        ::readlinkat(::dirfd(descriptors.get()), entry->d_name, target.data(), target.size());
    if (n > 0 && std::string_view(target.data(), static_cast<std::size_t>(n)) == memfd) return true;
  }
  return false;
}

std::vector<UniqueFd> all_with(Role role, const std::string& cache_directory) {
  std::vector<UniqueFd> found;
  const auto name = name_for(role, cache_directory);
  const Directory processes(::opendir("/proc"));
  if (!name || !processes) return found;
  const std::string memfd = "/memfd:" + *name + " (deleted)";
  while (const dirent* entry = ::readdir(processes.get())) {
    const pid_t pid = number_in(entry->d_name);
    if (pid <= 0 || pid == ::getpid()) continue;
    UniqueFd pidfd = open_pidfd(pid);
    if (pidfd.valid() && holds(pid, memfd)) found.push_back(std::move(pidfd));
  }
  return found;
}

void wait_for_end(const UniqueFd& pidfd, SteadyTime deadline) {
  const auto left = std::chrono::duration_cast<Duration>(deadline - SteadyTime::clock::now());
  pollfd ended{pidfd.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(std::max<Duration::rep>(left.count(), 0))) == 1) return;
  signal_pidfd(pidfd, SIGKILL);
  (void)::poll(&ended, 1, -1);
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
  for (const UniqueFd& pidfd : found) signal_pidfd(pidfd, SIGTERM);
  return static_cast<unsigned>(found.size());
}

unsigned end_all(Role role, const std::string& cache_directory, Duration limit) {
  const auto deadline = SteadyTime::clock::now() + limit;
  const auto found = all_with(role, cache_directory);
  for (const UniqueFd& pidfd : found) signal_pidfd(pidfd, SIGTERM);
  for (const UniqueFd& pidfd : found) wait_for_end(pidfd, deadline);
  return static_cast<unsigned>(found.size());
}

}  // namespace lazymirror::fanotify
