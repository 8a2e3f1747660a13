// SPDX-License-Identifier: Apache-2.0
#include "support/mounts.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

namespace lazymirror::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kNobody = 65534;

void check(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

// proc(5): blank, tab, newline and backslash are written as \ooo.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// proc(5), mountinfo: id parent dev root mountpoint options [tags...] - type source super
MountEntry parse_line(const std::string& line) {
  std::istringstream fields(line);
  std::string skip, mountpoint;
  MountEntry entry;
  fields >> skip >> skip >> skip >> skip >> mountpoint >> entry.options;
  while (fields >> skip && skip != "-") {
  }
  std::string source;
  fields >> entry.type >> source >> entry.super_options;
  entry.mountpoint = unescape(mountpoint);
  entry.source = unescape(source);
  return entry;
}

std::vector<MountEntry> all_mounts() {
  std::ifstream file("/proc/self/mountinfo");
  std::vector<MountEntry> entries;
  for (std::string line; std::getline(file, line);) entries.push_back(parse_line(line));
  return entries;
}

}  // namespace

std::vector<MountEntry> mounts_below(const std::string& path) {
  std::vector<MountEntry> entries = all_mounts();
  std::erase_if(entries, [&](const MountEntry& entry) {
    return entry.mountpoint != path && !entry.mountpoint.starts_with(path + '/');
  });
  return entries;
}

std::optional<MountEntry> mount_at(const std::string& path) {
  std::optional<MountEntry> found;
  for (MountEntry& entry : all_mounts()) {
    if (entry.mountpoint == path) found = std::move(entry);
  }
  return found;
}

void unmount_below(const std::string& path) {
  std::vector<MountEntry> entries = mounts_below(path);
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    (void)::umount2(entry->mountpoint.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

MountWatch::MountWatch() : fd_(::open("/proc/self/mounts", O_RDONLY | O_CLOEXEC)) {}

void MountWatch::wait(int other_fd, std::chrono::milliseconds timeout) const {
  // The table reports a change as POLLPRI (proc(5)), once per descriptor.
  std::array<pollfd, 2> fds{pollfd{fd_.get(), POLLPRI, 0}, pollfd{other_fd, POLLIN, 0}};
  (void)::poll(fds.data(), fds.size(), static_cast<int>(std::max<long>(0, timeout.count())));
}

bool wait_for_mount(const std::string& path, bool mounted, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const MountWatch watch;
  while (mount_at(path).has_value() != mounted) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    watch.wait(-1, left);
  }
  return true;
}

bool enter_private_mounts() {
  if (::unshare(CLONE_NEWNS) != 0) return false;
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount --make-rprivate /");
  return true;
}

void become_unprivileged(const std::string& scratch) {
  const std::string node = scratch + "/fuse";
  check(::mknod(node.c_str(), S_IFCHR | 0666, makedev(10, 229)), "mknod " + node);
  check(::chmod(node.c_str(), 0666), "chmod " + node);
  check(::mount(node.c_str(), "/dev/fuse", nullptr, MS_BIND, nullptr), "mount --bind /dev/fuse");
  check(::chown(scratch.c_str(), kNobody, kNobody), "chown " + scratch);
  check(::setgroups(0, nullptr), "setgroups");
  check(::setresgid(kNobody, kNobody, kNobody), "setresgid");
  check(::setresuid(kNobody, kNobody, kNobody), "setresuid");
  // Changed credentials make a process undumpable: its /proc files would
  // belong to root.
  check(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl(PR_SET_DUMPABLE)");
}

}  // namespace lazymirror::testing
