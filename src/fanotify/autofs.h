// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's autofs offers for traps: direct mounts, the pipe that tells
// of caught walks, and the control device that ends their waits.
//
// A walk that is caught is known by the device number of the trap's file system
// and a token; all processes that wait at one trap at the same time share one.
// The token is answered through an open descriptor of the trap's root, even if
// the trap is not mounted anywhere any more.
//
// Not synchronised. Needs CAP_SYS_ADMIN. Processes of the group that the
// creating process leads walk into traps without being caught, and see an
// empty directory.
// Source: Documentation/filesystems/autofs.rst, linux/auto_dev-ioctl.h.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::fanotify {

class Autofs {
 public:
  // The mount's source in the mount table, by which left-over traps are known.
  static constexpr const char* kSource = "lazymirror-trap";

  // REQUIRES: this process leads its process group (Errc::invalid).
  // Errc::unsupported when the kernel has no autofs.
  [[nodiscard]] static Result<Autofs> create();

  // The pipe of another process.
  [[nodiscard]] static Autofs of(UniqueFd walks, UniqueFd notices) {
    return {std::move(walks), std::move(notices)};
  }

  struct Trap {
    UniqueFd mount;    // not attached to any place yet
    UniqueFd control;  // its root
    std::uint32_t device = 0;
  };
  // stat(2) of it shows owner, mode and times of `like`. Handled by processes of
  // `group`, one of which opens its root.
  using OpenRoot = std::function<Result<UniqueFd>(int mount)>;
  [[nodiscard]] Result<Trap> make_trap(const struct stat& like, pid_t group,
                                       const OpenRoot& open_root) const;

  struct Walk {
    std::uint32_t device = 0, token = 0;
    pid_t pid = 0;  // the thread that is caught
  };
  // Becomes readable when somebody was caught; next() never blocks.
  [[nodiscard]] int fd() const { return walks_.get(); }
  [[nodiscard]] std::optional<Walk> next() const;
  [[nodiscard]] int notices() const { return notices_.get(); }  // the kernel's end

 private:
  Autofs(UniqueFd walks, UniqueFd notices)
      : walks_(std::move(walks)), notices_(std::move(notices)) {}
  UniqueFd walks_, notices_;  // the pipe's two ends; the kernel writes
};

// The control device, for traps of this or of an earlier process.
class AutofsControl {
 public:
  [[nodiscard]] static Result<AutofsControl> open();  // Errc::unsupported without autofs

  // Who waits for `token` goes on: 0 walks into what is mounted on the trap by
  // now, an errno ends the system call; ESTALE makes the kernel walk again.
  Result<> end_wait(int control, std::uint32_t token, int error) const;
  // Nobody is caught any more: walks end with ENOENT, also those that wait.
  Result<> disable(int control) const;
  // The root of the trap at `path`, a final component that is not walked into;
  // also if something is mounted over it.
  [[nodiscard]] Result<UniqueFd> open_trap(const std::string& path, std::uint32_t device) const;

 private:
  explicit AutofsControl(UniqueFd device) : device_(std::move(device)) {}
  UniqueFd device_;
};

// As disable(), by a process without privileges that is of the group which the
// traps' creator leads.
Result<> disable_trap_of_group(int control);

}  // namespace lazymirror::fanotify
