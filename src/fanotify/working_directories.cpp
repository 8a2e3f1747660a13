// SPDX-License-Identifier: Apache-2.0
#include "fanotify/working_directories.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>
#include <optional>

#include "base/mount_table.h"

namespace lazymirror::fanotify {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { (void)::closedir(directory); }
};

std::optional<std::string> working_directory(const char* process) {
  const std::string link = std::string("/proc/") + process + "/cwd";
  std::array<char, PATH_MAX> target{};
  const ssize_t n = ::readlink(link.c_str(), target.data(), target.size());
  if (n <= 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(n));
}

}  // namespace

std::vector<std::string> working_directories_below(const std::vector<std::string>& roots) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, CloseDirectory> processes(::opendir("/proc"));
  if (!processes) return found;
  while (const dirent* entry = ::readdir(processes.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    auto path = working_directory(entry->d_name);
    if (path && std::any_of(roots.begin(), roots.end(),
                            [&](const std::string& root) { return is_at_or_below(*path, root); })) {
      found.push_back(std::move(*path));
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool any_at_or_below(const std::vector<std::string>& sorted, const std::string& path) {
  if (std::binary_search(sorted.begin(), sorted.end(), path)) return true;
  const auto below = std::lower_bound(sorted.begin(), sorted.end(), path + '/');
  return below != sorted.end() && is_at_or_below(*below, path);
}

}  // namespace lazymirror::fanotify
