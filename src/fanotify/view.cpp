// SPDX-License-Identifier: Apache-2.0
#include "fanotify/view.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file_io.h"
#include "base/log.h"
#include "fanotify/left_over_traps.h"
#include "fanotify/mount_calls.h"

namespace lazymirror::fanotify {
namespace {

constexpr mode_t kOpen = 0755, kClosed = 0700;

Result<UniqueFd> open_data(const std::string& path) {
  return open_fd(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

// By its link in /proc: opening it would be an event of the group.
Result<> set_door(int data, mode_t mode) {
  const std::string link = "/proc/self/fd/" + std::to_string(data);
  if (::chmod(link.c_str(), mode) == 0) return {};
  return fail_errno(errno, "cannot change the mode of the data directory");
}

// Out of the group of the mount that the cache is on, then a group of its own.
Result<> mount_first(int data) {
  constexpr std::uint64_t kAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  auto clone = clone_mount(data, 0);
  if (!clone) return fail(clone.error());
  if (auto done = set_mount(clone->get(), kAttributes, MS_PRIVATE); !done) return done;
  if (auto done = set_mount(clone->get(), 0, MS_SHARED); !done) return done;
  return attach_mount(clone->get(), data);
}

Result<> mount_second(const std::string& data, const std::string& shown_at) {
  auto view = open_data(data);
  if (!view) return fail(view.error());
  auto place = open_fd(AT_FDCWD, shown_at, O_PATH | O_DIRECTORY);
  if (!place) return fail(place.error());
  auto clone = clone_mount(view->get(), 0);
  return clone ? attach_mount(clone->get(), place->get()) : Result<>(fail(clone.error()));
}

Result<> check_shown_at(const ViewPlaces& places) {
  const std::string& at = places.shown_at;
  if (at.empty()) return {};
  struct stat info {};
  if (::stat(at.c_str(), &info) != 0) {
    return fail_errno(errno, "cannot show the tree at " + at + "; make the directory first");
  }
  if (!S_ISDIR(info.st_mode)) {
    return fail(Errc::invalid, at + " is not a directory; name one to show the tree at");
  }
  if (is_at_or_below(at, places.cache_directory)) {
    return fail(Errc::invalid,
                at + " lies in the cache; name a directory outside of " + places.cache_directory);
  }
  if (is_at_or_below(places.cache_directory, at)) {
    return fail(Errc::invalid,
                at + " holds the cache, which would be hidden; name another directory");
  }
  return {};
}

Result<> check_free(const std::string& place) {
  const auto table = read_mount_table();
  if (!table) return fail(table.error());
  const auto taken = std::find_if(table->begin(), table->end(),
                                  [&](const MountLine& mount) { return mount.path == place; });
  if (taken == table->end()) return {};
  return fail(Errc::busy, "a file system of type " + taken->type + " is mounted at " + place +
                              "; unmount it first");
}

}  // namespace

Result<View> View::show(const ViewPlaces& places) {
  if (auto fine = check_shown_at(places); !fine) return fail(fine.error());
  const std::string data = places.cache_directory + "/data";
  if (auto fine = check_free(data); !fine) return fail(fine.error());
  auto mounts = ViewMounts::of(places.cache_directory);
  if (!mounts) return fail(mounts.error());
  auto door = open_data(data);
  if (!door) return fail(door.error());
  if (auto done = set_door(door->get(), kClosed); !done) return fail(done.error());
  View view(std::move(*mounts), data, std::move(*door));
  if (auto done = mount_first(view.door_.get()); !done) {
    return fail(with_context(done.error(), "cannot show the tree at " + data));
  }
  view.mounted_.push_back(data);
  if (places.shown_at.empty()) return view;
  if (auto done = mount_second(data, places.shown_at); !done) {
    return fail(with_context(done.error(), "cannot show the tree at " + places.shown_at));
  }
  view.mounted_.push_back(places.shown_at);
  return view;
}

View::~View() { hide(); }

void View::open_door() {
  if (auto done = set_door(door_.get(), kOpen); !done) {
    log::error("fanotify: {}", done.error().message);
  }
}

void View::hide() {
  if (!door_.valid()) return;
  if (auto done = set_door(door_.get(), kClosed); !done) {
    log::error("fanotify: {}", done.error().message);
  }
  std::reverse(mounted_.begin(), mounted_.end());
  for (const std::string& place : mounted_) {
    if (!mounts_.unmount(place)) {
      log::error("fanotify: something is still mounted at {}; unmount it by hand", place);
    }
  }
  mounted_.clear();
  door_.reset();
}

Result<View> View::take_over(const ViewPlaces& places, UniqueFd door) {
  auto mounts = ViewMounts::of(places.cache_directory);
  if (!mounts) return fail(mounts.error());
  View view(std::move(*mounts), places.cache_directory + "/data", std::move(door));
  view.mounted_.push_back(view.path_);
  if (!places.shown_at.empty()) view.mounted_.push_back(places.shown_at);
  return view;
}

void View::leave() {
  mounted_.clear();
  door_.reset();
}

Result<> View::clear_leftovers(const ViewPlaces& places) {
  const std::string data = places.cache_directory + "/data";
  auto mounts = ViewMounts::of(places.cache_directory);
  if (!mounts) return fail(mounts.error());
  auto table = read_mount_table();
  if (!table) return fail(table.error());
  const auto found = mounts->places(*table, data, places.shown_at);
  end_left_over_traps(*table, places.cache_directory, found);
  for (const std::string& place : found) {
    if (!mounts->unmount(place)) {
      return fail(Errc::busy, "an earlier run left a mount at " + place +
                                  " that cannot be taken away; unmount it by hand");
    }
  }
  auto door = open_data(data);
  if (!door) return door.error().code == Errc::not_found ? Result<>() : fail(door.error());
  return set_door(door->get(), kClosed);
}

std::vector<UniqueFd> View::roots() const {
  std::vector<UniqueFd> roots;
  for (const std::string& place : mounted_) {
    if (auto root = open_data(place); root) roots.push_back(std::move(*root));
  }
  return roots;
}

}  // namespace lazymirror::fanotify
