// SPDX-License-Identifier: Apache-2.0
#include "fuse/mountpoint.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/file_io.h"
#include "base/log.h"

namespace lazymirror::fuse {
namespace {

constexpr std::string_view kOurType = "fuse.lazymirror";

std::optional<MountLine> topmost(std::vector<MountLine> table, const std::string& path) {
  const auto found = std::ranges::find(table.rbegin(), table.rend(), path, &MountLine::path);
  if (found == table.rend()) return std::nullopt;
  return std::move(*found);
}

Result<std::string> resolve(const std::string& path) {
  std::array<char, PATH_MAX> buffer{};
  if (::realpath(path.c_str(), buffer.data()) == nullptr) {
    return fail_errno(errno, "cannot reach " + path);
  }
  return std::string(buffer.data());
}

// realpath() of a place below which a dead mount may be: the last component is
// not looked at.
Result<std::string> resolve_parent(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return resolve(path);
  Result<std::string> directory = resolve(parent);
  if (!directory) return directory;
  return *directory == "/" ? "/" + name : *directory + "/" + name;
}

// fusermount3 -u takes FUSE mounts away for those who may not call umount2.
int run_fusermount(const std::string& path, bool lazily) {
  std::vector<std::string> words = {"fusermount3", "-u", "-q"};
  if (lazily) words.emplace_back("-z");
  words.emplace_back("--");
  words.push_back(path);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  if (const int err = ::posix_spawnp(&child, "fusermount3", nullptr, nullptr, argv.data(), environ);
      err != 0) {
    return err;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EBUSY;
}

int unmount_once(const std::string& path, bool lazily) {
  const int flags = UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0);
  if (::umount2(path.c_str(), flags) == 0) return 0;
  return errno == EPERM ? run_fusermount(path, lazily) : errno;
}

// statfs(2) always asks the daemon; stat(2) might be answered by the kernel's
// cache long after it died.
bool is_dead(const std::string& path) {
  struct statfs fs {};
  return ::statfs(path.c_str(), &fs) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

Result<> clear_dead_mount(const MountLine& entry) {
  if (!is_dead(entry.path)) {
    return fail(Errc::busy, entry.type == kOurType
                                ? entry.path + " already shows " + entry.source +
                                      "; unmount it first: umount " + entry.path
                                : entry.path + " is in use: " + entry.type +
                                      " is mounted there; choose another mount point");
  }
  if (entry.type != kOurType) {
    return fail(Errc::busy, "a dead " + entry.type + " mount of another program is on " +
                                entry.path + "; take it away first: umount " + entry.path);
  }
  if (const int err = unmount_once(entry.path, true); err != 0) {
    return fail_errno(err, "cannot take the dead mount at " + entry.path + " away");
  }
  log::warn("fuse: took away a dead mount of {} at {}", entry.source, entry.path);
  return {};
}

// Until nothing is mounted there, or an automount (systemd.automount(5)): that is
// made to be mounted over, and neither stat(2) nor mount(2) sets it off.
Result<> clear(const std::string& place) {
  for (auto entry = mount_at(place); entry && entry->type != "autofs"; entry = mount_at(place)) {
    if (const Result<> cleared = clear_dead_mount(*entry); !cleared) return cleared;
  }
  return {};
}

}  // namespace

std::optional<MountLine> find_mount(std::string_view mountinfo, const std::string& path) {
  return topmost(parse_mount_table(mountinfo), path);
}

std::optional<MountLine> mount_at(const std::string& path) {
  auto table = read_mount_table();
  return table ? topmost(std::move(*table), path) : std::nullopt;
}

Result<std::string> prepare_mountpoint(const std::string& path) {
  const Result<std::string> place = resolve_parent(path);
  if (place) {
    if (const Result<> cleared = clear(*place); !cleared) return fail(cleared.error());
  }
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) {
      return fail(Errc::not_found,
                  "the mount point " + path + " does not exist; create it: mkdir -p " + path);
    }
    return fail_errno(errno, "cannot use the mount point " + path);
  }
  if (!S_ISDIR(st.st_mode)) {
    return fail(Errc::not_a_directory, "the mount point " + path + " is not a directory");
  }
  Result<std::string> resolved = resolve(path);
  if (!resolved || (place && *resolved == *place)) return resolved;
  return prepare_mountpoint(*resolved);  // it was a link to the real place
}

Result<Unmounted> unmount(const std::string& path, const std::string& device) {
  const auto entry = mount_at(path);
  if (!entry || entry->device != device) return Unmounted::gone;
  int err = unmount_once(path, false);
  if (err == 0) return Unmounted::gone;
  if (err == EBUSY) {
    err = unmount_once(path, true);
    if (err == 0) return Unmounted::detached;
  }
  return fail_errno(err, "cannot unmount " + path);
}

void raise_read_ahead(const std::string& device, unsigned kib) {
  // The kernel starts with 128 KiB and lets FUSE only lower it.
  const std::string path = "/sys/class/bdi/" + device + "/read_ahead_kb";
  const auto fd = open_fd(AT_FDCWD, path, O_WRONLY);
  const std::string text = std::to_string(kib);
  if (!fd || ::write(fd->get(), text.data(), text.size()) < 0) {
    log::debug("fuse: read-ahead stays at the kernel's default: {} cannot be written", path);
  }
}

}  // namespace lazymirror::fuse
