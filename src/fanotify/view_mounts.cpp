// SPDX-License-Identifier: Apache-2.0
#include "fanotify/view_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace lazymirror::fanotify {
namespace {

constexpr int kMaxLayers = 64;  // more are not of any run of ours

std::string join(const std::string& directory, std::string_view below) {
  if (below.empty()) return directory;
  return (directory == "/" ? "" : directory) + '/' + std::string(below);
}

const MountLine* topmost(const std::vector<MountLine>& table, const std::string& place) {
  const auto found = std::find_if(table.rbegin(), table.rend(),
                                  [&](const MountLine& mount) { return mount.path == place; });
  return found == table.rend() ? nullptr : &*found;
}

bool detach(const std::string& place) {
  if (::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return true;
  log::debug("fanotify: cannot unmount {}: {}", place, ::strerror(errno));
  return false;
}

}  // namespace

Result<ViewMounts> ViewMounts::of(const std::string& cache_directory) {
  const auto mount = mount_of(cache_directory);
  if (!mount) return fail(mount.error());
  if (!is_at_or_below(cache_directory, mount->path)) {
    return fail(Errc::io, cache_directory + ": not below " + mount->path + ", where it is mounted");
  }
  std::string_view below = std::string_view(cache_directory).substr(mount->path.size());
  while (below.starts_with('/')) below.remove_prefix(1);
  ViewMounts made;
  made.device_ = mount->device;
  made.root_ = join(join(mount->root, below), "data");
  return made;
}

bool ViewMounts::is_view(const MountLine& mount) const {
  return mount.device == device_ && mount.root == root_;
}

bool ViewMounts::unmount(const std::string& place) const {
  for (int layer = 0; layer < kMaxLayers; ++layer) {
    const auto table = read_mount_table();
    if (!table) return false;
    const MountLine* const top = topmost(*table, place);
    if (top == nullptr) return true;
    if (!is_view(*top)) {
      return std::none_of(table->begin(), table->end(), [&](const MountLine& mount) {
        return mount.path == place && is_view(mount);
      });
    }
    if (!detach(place)) return false;
  }
  return false;
}

std::vector<std::string> ViewMounts::places(const std::vector<MountLine>& table,
                                            const std::string& data,
                                            const std::string& shown_at) const {
  std::vector<std::string> found;
  std::vector<std::uint64_t> groups;
  for (const MountLine& mount : table) {
    if (mount.path == data && is_view(mount)) groups.push_back(mount.peer_group);
  }
  for (const MountLine& mount : table) {
    if (!is_view(mount)) continue;
    const bool peer =
        mount.peer_group != 0 && std::count(groups.begin(), groups.end(), mount.peer_group) != 0;
    if (!peer && mount.path != data && mount.path != shown_at) continue;
    if (std::count(found.begin(), found.end(), mount.path) == 0) found.push_back(mount.path);
  }
  return found;
}

}  // namespace lazymirror::fanotify
