// SPDX-License-Identifier: Apache-2.0
#include "cli/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/file_io.h"

namespace lazymirror::cli {
namespace {

// A device that somebody else takes in between is tried once more.
constexpr int kAttempts = 20;

int configure(int device, int file, const std::string& name, unsigned flags) {
  loop_config config{};
  config.fd = static_cast<__u32>(file);
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | flags;
  const std::size_t length = std::min(name.size(), sizeof config.info.lo_file_name - 1);
  std::memcpy(config.info.lo_file_name, name.data(), length);
  return ::ioctl(device, LOOP_CONFIGURE, &config) == 0 ? 0 : errno;
}

}  // namespace

Result<LoopDevice> attach_loop_device(const std::string& file) {
  auto image = open_fd(AT_FDCWD, file, O_RDWR);
  if (!image) return fail(image.error());
  const auto control = open_fd(AT_FDCWD, "/dev/loop-control", O_RDWR);
  if (!control) return fail(with_context(control.error(), "this system has no loop devices"));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int number = ::ioctl(control->get(), LOOP_CTL_GET_FREE);
    if (number < 0) return fail_errno(errno, "there is no free loop device");
    LoopDevice device{{}, "/dev/loop" + std::to_string(number)};
    auto fd = open_fd(AT_FDCWD, device.path, O_RDWR);
    if (!fd) return fail(fd.error());
    device.fd = std::move(*fd);
    // Past the page cache of the image, or all would be held in memory twice.
    int error = configure(device.fd.get(), image->get(), file, LO_FLAGS_DIRECT_IO);
    if (error == EINVAL) error = configure(device.fd.get(), image->get(), file, 0);
    if (error == 0) return device;
    if (error != EBUSY) return fail_errno(error, "cannot attach " + file + " to " + device.path);
  }
  return fail(Errc::busy, "all loop devices are in use");
}

std::string loop_device_of(const std::string& file) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
    const auto backing = read_file(entry.path() / "loop/backing_file");
    if (backing && *backing == file + "\n") return "/dev/" + entry.path().filename().string();
  }
  return {};
}

}  // namespace lazymirror::cli
