// SPDX-License-Identifier: Apache-2.0
#include "support/automount.h"

#include <fcntl.h>
#include <linux/auto_fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace lazymirror::testing {
namespace {

void check(bool well, const char* what) {
  if (!well) throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

Automount::Automount(const std::string& directory) {
  // The group of a process that another namespace started has no number here.
  if (::getpgrp() == 0) check(::setpgid(0, 0) == 0, "process group");
  std::array<int, 2> ends{-1, -1};
  check(::pipe2(ends.data(), O_CLOEXEC | O_DIRECT) == 0, "pipe");
  notices_ = UniqueFd(ends[0]);
  const UniqueFd kernels(ends[1]);
  const std::string options = "fd=" + std::to_string(kernels.get()) +
                              ",pgrp=" + std::to_string(::getpgrp()) +
                              ",minproto=5,maxproto=5,direct";
  check(::mount("systemd-1", directory.c_str(), "autofs", 0, options.c_str()) == 0, "autofs");
  root_ = UniqueFd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check(root_.valid(), "root of autofs");
}

bool Automount::serve(const std::function<void()>& mount, std::chrono::seconds patience) const {
  const std::chrono::milliseconds limit(patience);
  pollfd notice{notices_.get(), POLLIN, 0};
  if (::poll(&notice, 1, static_cast<int>(limit.count())) != 1) return false;
  autofs_v5_packet_union packet{};
  check(::read(notices_.get(), &packet, sizeof packet) > 0, "notice");
  mount();
  check(::ioctl(root_.get(), AUTOFS_IOC_READY, packet.v5_packet.wait_queue_token) == 0, "ready");
  return true;
}

}  // namespace lazymirror::testing
