// SPDX-License-Identifier: Apache-2.0
#include "fanotify/work_mount.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>

#include "base/file_io.h"
#include "base/mount_table.h"
#include "fanotify/forked_child.h"

namespace lazymirror::fanotify {
namespace {

// Runs in a child: 0, or the errno of what failed.
using Step = std::function<int()>;

int report_and_wait(int parent, int result) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::write(parent, &result, sizeof result) != sizeof result) return 1;
  pollfd hangup{parent, 0, 0};
  while (::poll(&hangup, 1, -1) < 0 && errno == EINTR) {
  }
  return 0;
}

// A child that has taken `step`, waiting to be looked at.
Result<ForkedChild> child_after(const Step& step, UniqueFd& hold) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "cannot talk to a process");
  }
  UniqueFd ours(ends[0]), theirs(ends[1]);
  auto child = ForkedChild::start([&] {
    ours.reset();
    return report_and_wait(theirs.get(), step());
  });
  theirs.reset();
  if (!child) return child;
  int result = EIO;
  if (::recv(ours.get(), &result, sizeof result, 0) != sizeof result) result = EIO;
  if (result != 0) return fail_errno(result, "cannot make a namespace");
  hold = std::move(ours);
  return child;
}

Result<UniqueFd> open_namespace(pid_t pid, const std::string& kind) {
  return open_fd(AT_FDCWD, "/proc/" + std::to_string(pid) + "/ns/" + kind, O_RDONLY);
}

Result<> write_map(pid_t pid, const std::string& name, unsigned on_disk, unsigned seen) {
  auto file = open_fd(AT_FDCWD, "/proc/" + std::to_string(pid) + "/" + name, O_WRONLY);
  if (!file) return fail(file.error());
  const std::string line = std::to_string(on_disk) + " " + std::to_string(seen) + " 1\n";
  if (::write(file->get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) {
    return {};
  }
  return fail_errno(errno, "cannot map the user of the cache");
}

// A user namespace that stands for: what belongs to `owner` is the worker's.
Result<UniqueFd> make_mapping(const struct stat& owner, WorkMount::User worker) {
  UniqueFd hold;
  auto child = child_after([] { return ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno; }, hold);
  if (!child) return fail(child.error());
  if (auto r = write_map(child->pid(), "uid_map", owner.st_uid, worker.uid); !r) {
    return fail(r.error());
  }
  if (auto r = write_map(child->pid(), "gid_map", owner.st_gid, worker.gid); !r) {
    return fail(r.error());
  }
  return open_namespace(child->pid(), "user");
}

bool set_attributes(int tree, int mapping) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  attributes.propagation = MS_PRIVATE;
  if (mapping >= 0) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(mapping);
  }
  return ::mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0;
}

// Whether files of the cache's owner look like the worker's.
Result<bool> prepare(int tree, const struct stat& owner, WorkMount::User worker) {
  auto mapping = make_mapping(owner, worker);
  if (mapping && set_attributes(tree, mapping->get())) return true;
  if (set_attributes(tree, -1)) return false;
  return fail_errno(errno, "cannot prepare the private mount of the cache");
}

bool may_search(const struct stat& directory, WorkMount::User user) {
  if (directory.st_uid == user.uid) return (directory.st_mode & S_IXUSR) != 0;
  if (directory.st_gid == user.gid) return (directory.st_mode & S_IXGRP) != 0;
  return (directory.st_mode & S_IXOTH) != 0;
}

bool cover(const std::string& path) {
  return ::mount("none", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                 "mode=0755,size=64k") == 0;
}

// Below a directory that the worker may not search there is nothing for it but
// the cache: an empty one covers it, which holds only the way there.
bool open_the_way(const std::string& directory, WorkMount::User user) {
  bool covered = false;
  for (auto at = directory.find('/', 1); at != std::string::npos;
       at = directory.find('/', at + 1)) {
    const std::string part = directory.substr(0, at);
    struct stat attributes {};
    if (covered) {
      if (::mkdir(part.c_str(), 0755) != 0) return false;
    } else if (::stat(part.c_str(), &attributes) == 0 && !may_search(attributes, user)) {
      covered = cover(part);
      if (!covered) return false;
    }
  }
  return !covered || ::mkdir(directory.c_str(), 0755) == 0;
}

// The kernel refuses to rename or remove what is a mount point in one's own
// namespace, so the view's traps must not be mounted here as well.
bool keep_views_out(const std::string& directory) {
  const auto mount = mount_of(directory);
  return mount && ::mount(nullptr, mount->path.c_str(), nullptr, MS_PRIVATE, nullptr) == 0;
}

// In a child: a mount namespace in which `tree` is at `directory`. What is
// unmounted outside goes away there too.
int settle(int tree, const std::string& directory, WorkMount::User user) {
  const bool done =
      ::unshare(CLONE_NEWNS) == 0 &&
      ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 &&
      keep_views_out(directory) && open_the_way(directory, user) &&
      ::move_mount(tree, "", AT_FDCWD, directory.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0;
  return done ? 0 : errno;
}

}  // namespace

Result<WorkMount> WorkMount::create(const std::string& directory, Group& group, User worker) {
  const UniqueFd tree(
      ::open_tree(AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  struct stat owner {};
  if (!tree.valid() || ::fstat(tree.get(), &owner) != 0) {
    return fail_errno(errno, "cannot clone the mount of " + directory);
  }
  auto idmapped = prepare(tree.get(), owner, worker);
  if (!idmapped) return fail(idmapped.error());
  if (auto r = group.ignore_mount(tree.get()); !r) return fail(r.error());
  auto inside = open_fd(tree.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!inside) return fail(inside.error());
  const User seen_as = *idmapped ? worker : User{owner.st_uid, owner.st_gid};
  UniqueFd hold;
  auto child = child_after([&] { return settle(tree.get(), directory, seen_as); }, hold);
  if (!child) return fail(child.error());
  auto space = open_namespace(child->pid(), "mnt");
  if (!space) return fail(space.error());
  return WorkMount(std::move(*space), std::move(*inside), *idmapped);
}

Result<> WorkMount::enter() const {
  if (::setns(namespace_.get(), CLONE_NEWNS) == 0) return {};
  return fail_errno(errno, "cannot enter the worker's mount namespace");
}

}  // namespace lazymirror::fanotify
