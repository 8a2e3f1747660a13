// SPDX-License-Identifier: Apache-2.0
#include "support/loop_fs.h"

#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <stdexcept>

#include "support/child_process.h"

namespace lazymirror::testing {
namespace {

void run_or_throw(std::vector<std::string> argv) {
  const std::string name = argv[0];
  const CommandResult result = run_command(std::move(argv), std::chrono::seconds(120));
  if (result.status != 0) throw std::runtime_error(name + ": " + result.output);
}

const char* name_of(SmallFs::Kind kind) {
  switch (kind) {
    case SmallFs::Kind::ext4: return "ext4";
    case SmallFs::Kind::btrfs: return "btrfs";
    case SmallFs::Kind::xfs: return "xfs";
    case SmallFs::Kind::tmpfs: break;
  }
  return "tmpfs";
}

void mount_image(SmallFs::Kind kind, std::uint64_t bytes, const std::string& image,
                 const std::string& mountpoint) {
  run_or_throw({"truncate", "-s", std::to_string(bytes), image});
  switch (kind) {
    case SmallFs::Kind::ext4:
      // No blocks kept for root, or root would not meet the end of the space.
      run_or_throw({"mkfs.ext4", "-q", "-m", "0", "-F", image});
      break;
    case SmallFs::Kind::btrfs: run_or_throw({"mkfs.btrfs", "-q", "-f", image}); break;
    default: run_or_throw({"mkfs.xfs", "-q", "-f", image});
  }
  run_or_throw({"mount", "-t", name_of(kind), "-o", "loop", image, mountpoint});
}

}  // namespace

SmallFs::SmallFs(Kind kind, std::uint64_t bytes) : mountpoint_(work_.make_dir("fs")) {
  if (kind != Kind::tmpfs) {
    mount_image(kind, bytes, work_ / "image", mountpoint_);
    return;
  }
  const std::string size = "size=" + std::to_string(bytes);
  if (::mount("tmpfs", mountpoint_.c_str(), "tmpfs", 0, size.c_str()) != 0) {
    throw std::runtime_error("tmpfs cannot be mounted");
  }
}

SmallFs::~SmallFs() {
  if (::umount2(mountpoint_.c_str(), UMOUNT_NOFOLLOW) != 0) {
    (void)::umount2(mountpoint_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

bool SmallFs::available() { return ::geteuid() == 0; }

std::uint64_t SmallFs::free_bytes() const {
  struct statvfs info {};
  if (::statvfs(mountpoint_.c_str(), &info) != 0) return 0;
  return info.f_bavail * info.f_frsize;
}

}  // namespace lazymirror::testing
