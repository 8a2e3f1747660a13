// SPDX-License-Identifier: Apache-2.0
#include "fanotify/left_over_traps.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/file_io.h"
#include "base/log.h"
#include "fanotify/autofs.h"
#include "fanotify/mount_calls.h"

namespace lazymirror::fanotify {
namespace {

// As the kernel packs it into 32 bits.
std::optional<std::uint32_t> device_number(const std::string& text) {
  const auto colon = text.find(':');
  std::uint32_t major = 0, minor = 0;
  if (colon == std::string::npos) return std::nullopt;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), text.data() + colon, major).ec != std::errc{} ||
      std::from_chars(text.data() + colon + 1, end, minor).ec != std::errc{}) {
    return std::nullopt;
  }
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

// open_by_handle_at(2) takes its mount from an open file or from the working
// directory, and opening a file would be an event of the group.
class InDirectory {
 public:
  explicit InDirectory(int directory) : before_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    is_there_ = before_.valid() && ::fchdir(directory) == 0;
  }
  InDirectory(const InDirectory&) = delete;
  InDirectory& operator=(const InDirectory&) = delete;
  ~InDirectory() {
    if (is_there_ && ::fchdir(before_.get()) != 0) log::debug("fanotify: fchdir {}", errno);
  }
  [[nodiscard]] bool is_there() const { return is_there_; }

 private:
  UniqueFd before_;
  bool is_there_ = false;
};

// The same directory as `directory`, but in the mount that this process works
// in.
Result<UniqueFd> in_this_mount(int directory) {
  alignas(file_handle) std::array<unsigned char, sizeof(file_handle) + MAX_HANDLE_SZ> bytes{};
  auto* const handle = reinterpret_cast<file_handle*>(bytes.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  if (::name_to_handle_at(directory, "", handle, &mount_id, AT_EMPTY_PATH) != 0) {
    return fail_errno(errno, "no file handle");
  }
  UniqueFd fd(::open_by_handle_at(AT_FDCWD, handle, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot open by file handle");
  return fd;
}

struct CacheMount {
  UniqueFd place;
  UniqueFd tree;  // a clone of the mount, without the view in it
};

Result<> end_trap(const AutofsControl& control, const CacheMount& cache, const std::string& below,
                  std::uint32_t device) {
  auto directory = open_fd(cache.tree.get(), "data/" + below, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return fail(directory.error());
  auto place = in_this_mount(directory->get());
  if (!place) return fail(place.error());
  auto top = clone_mount(cache.place.get(), 0);
  if (!top) return fail(top.error());
  // Lands on the trap that is mounted there.
  if (auto done = attach_mount(top->get(), place->get()); !done) return done;
  auto trap = control.open_trap("/proc/self/fd/" + std::to_string(top->get()) + "/.", device);
  return trap ? control.disable(trap->get()) : Result<>(fail(trap.error()));
}

Result<CacheMount> open_cache(const std::string& cache_directory) {
  auto place = open_fd(AT_FDCWD, cache_directory, O_PATH | O_DIRECTORY);
  if (!place) return fail(place.error());
  auto tree = clone_mount(place->get(), 0);
  if (!tree) return fail(tree.error());
  return CacheMount{std::move(*place), std::move(*tree)};
}

}  // namespace

void end_left_over_traps(const std::vector<MountLine>& table, const std::string& cache_directory,
                         const std::vector<std::string>& views) {
  const auto control = AutofsControl::open();
  if (!control || views.empty()) return;
  const std::string& place = views.front();  // the others have the same traps
  const auto cache = open_cache(cache_directory);
  const auto view = open_fd(AT_FDCWD, place, O_PATH | O_DIRECTORY);
  if (!cache || !view) return;
  const InDirectory inside(view->get());
  if (!inside.is_there()) return;
  for (const MountLine& mount : table) {
    const bool is_trap = mount.type == "autofs" && mount.source == Autofs::kSource &&
                         mount.path != place && is_at_or_below(mount.path, place);
    const auto device = device_number(mount.device);
    if (!is_trap || !device) continue;
    const auto done = end_trap(*control, *cache, mount.path.substr(place.size() + 1), *device);
    if (!done) log::debug("fanotify: trap at {}: {}", mount.path, done.error().message);
  }
}

}  // namespace lazymirror::fanotify
