// SPDX-License-Identifier: Apache-2.0
#include "fanotify/autofs.h"

#include <fcntl.h>
#include <linux/auto_fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/file_io.h"

namespace lazymirror::fanotify {
namespace {

constexpr int kPipeBytes = 1 << 20;  // a packet takes a page; a full pipe only delays the walker

// linux/auto_dev-ioctl.h, which is no C++: struct autofs_dev_ioctl, followed by
// a path where one is wanted.
struct Request {
  std::uint32_t version_major = 1, version_minor = 1;
  std::uint32_t size = sizeof(Request);
  std::int32_t descriptor = -1;
  struct Fail {
    std::uint32_t token;
    std::int32_t status;
  };
  union {
    std::uint64_t widest = 0;
    std::uint32_t device;
    std::uint32_t token;
    Fail fail;
  };
};
static_assert(sizeof(Request) == 24);

enum Command : unsigned {
  kVersion = 0x71,
  kOpenMount = 0x74,
  kReady = 0x76,
  kFail = 0x77,
  kCatatonic = 0x79,
};

Result<> call(int device, Command command, Request& request, const char* what) {
  if (::ioctl(device, _IOWR(AUTOFS_IOCTL, command, Request), &request) != 0) {
    return fail_errno(errno, what);
  }
  return {};
}

Result<> configure(int context, const char* key, const std::string& value) {
  if (::fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0) return {};
  return fail_errno(errno, std::string("cannot set autofs option ") + key);
}

// An autofs file system that is not created yet.
Result<UniqueFd> make_context(int notices, pid_t group) {
  UniqueFd context(::fsopen("autofs", FSOPEN_CLOEXEC));
  if (!context.valid()) return fail_errno(errno, "cannot make an autofs mount");
  const std::array<std::pair<const char*, std::string>, 5> options{{
      {"source", Autofs::kSource},
      {"fd", std::to_string(notices)},
      {"pgrp", std::to_string(group)},
      {"minproto", std::to_string(AUTOFS_PROTO_VERSION)},
      {"maxproto", std::to_string(AUTOFS_PROTO_VERSION)},
  }};
  for (const auto& [key, value] : options) {
    if (auto done = configure(context.get(), key, value); !done) return fail(done.error());
  }
  if (::fsconfig(context.get(), FSCONFIG_SET_FLAG, "direct", nullptr, 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return fail_errno(errno, "cannot make an autofs mount");
  }
  return context;
}

Result<> look_like(int control, const struct stat& like) {
  const timespec times[2] = {like.st_atim, like.st_mtim};
  if (::fchmod(control, like.st_mode & 07777) != 0 || ::futimens(control, times) != 0) {
    return fail_errno(errno, "cannot give a trap its attributes");
  }
  // Without CAP_CHOWN it stays root's, which nobody can tell from a mirrored one.
  if (::fchown(control, like.st_uid, like.st_gid) != 0 && errno != EPERM) {
    return fail_errno(errno, "cannot give a trap its owner");
  }
  return {};
}

}  // namespace

Result<Autofs> Autofs::create() {
  if (::getpgrp() != ::getpid()) {
    return fail(Errc::invalid, "traps need a process that leads its process group");
  }
  if (auto control = AutofsControl::open(); !control) return fail(control.error());
  std::array<int, 2> ends{};
  // O_DIRECT: one packet a read, as protocol version 5 wants it.
  if (::pipe2(ends.data(), O_CLOEXEC | O_DIRECT) != 0)
    return fail_errno(errno, "cannot make a pipe");
  Autofs made{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "cannot set up a pipe");
  (void)::fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);  // smaller is slower, nothing else
  return made;
}

Result<Autofs::Trap> Autofs::make_trap(const struct stat& like, pid_t group,
                                       const OpenRoot& open_root) const {
  auto context = make_context(notices_.get(), group);
  if (!context) return fail(context.error());
  Trap trap;
  trap.mount.reset(
      ::fsmount(context->get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (!trap.mount.valid()) return fail_errno(errno, "cannot make an autofs mount");
  auto control = open_root(trap.mount.get());
  if (!control) return fail(control.error());
  trap.control = std::move(*control);
  if (auto done = look_like(trap.control.get(), like); !done) return fail(done.error());
  struct stat root {};
  if (::fstat(trap.control.get(), &root) != 0) return fail_errno(errno, "cannot stat a trap");
  trap.device = static_cast<std::uint32_t>(root.st_dev);
  return trap;
}

std::optional<Autofs::Walk> Autofs::next() const {
  autofs_v5_packet packet{};
  for (;;) {
    const ssize_t n = ::read(walks_.get(), &packet, sizeof packet);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    // Other packets are of expiry, which we never ask for.
    if (static_cast<std::size_t>(n) != sizeof packet ||
        packet.hdr.type != autofs_ptype_missing_direct) {
      continue;
    }
    return Walk{packet.dev, static_cast<std::uint32_t>(packet.wait_queue_token),
                static_cast<pid_t>(packet.pid)};
  }
}

Result<AutofsControl> AutofsControl::open() {
  UniqueFd device(::open("/dev/autofs", O_RDONLY | O_CLOEXEC));
  if (!device.valid()) {
    return fail(Errc::unsupported, std::string("cannot open /dev/autofs: ") + ::strerror(errno) +
                                       "; load the kernel's module with modprobe autofs4");
  }
  Request request;
  if (auto done = call(device.get(), kVersion, request, "autofs"); !done) {
    return fail(with_context(done.error(), "/dev/autofs cannot be used"));
  }
  return AutofsControl(std::move(device));
}

Result<> AutofsControl::end_wait(int control, std::uint32_t token, int error) const {
  Request request;
  request.descriptor = control;
  if (error == 0) {
    request.token = token;
    return call(device_.get(), kReady, request, "cannot end a caught walk");
  }
  request.fail.token = token;
  request.fail.status = -error;
  return call(device_.get(), kFail, request, "cannot end a caught walk");
}

Result<> AutofsControl::disable(int control) const {
  Request request;
  request.descriptor = control;
  return call(device_.get(), kCatatonic, request, "cannot disable a trap");
}

Result<> disable_trap_of_group(int control) {
  if (::ioctl(control, AUTOFS_IOC_CATATONIC, 0) == 0) return {};
  return fail_errno(errno, "cannot disable a trap");
}

Result<UniqueFd> AutofsControl::open_trap(const std::string& path, std::uint32_t device) const {
  if (path.size() >= PATH_MAX) return fail(Errc::invalid, path + ": too long");
  struct {
    Request head;
    std::array<char, PATH_MAX> path{};
  } request;
  std::memcpy(request.path.data(), path.c_str(), path.size() + 1);
  request.head.size = static_cast<std::uint32_t>(sizeof(Request) + path.size() + 1);
  request.head.device = device;
  if (auto done = call(device_.get(), kOpenMount, request.head, path.c_str()); !done) {
    return fail(done.error());
  }
  return UniqueFd(request.head.descriptor);
}

}  // namespace lazymirror::fanotify
