// SPDX-License-Identifier: Apache-2.0
#include "cli/mount_registry.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <filesystem>
#include <utility>

#include "cli/control_commands.h"
#include "control/client.h"

namespace lazymirror::cli {
namespace {

// A directory that only this user can have written to.
bool belongs_to(const std::string& directory, uid_t user) {
  struct stat attributes {};
  return ::lstat(directory.c_str(), &attributes) == 0 && S_ISDIR(attributes.st_mode) &&
         attributes.st_uid == user && (attributes.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::string target_of(const std::string& link) {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

// Others may see which mounts there are; the caches are guarded by themselves.
bool make_place(const std::string& directory, uid_t user) {
  return (::mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) && belongs_to(directory, user);
}

// A cache that cannot be seen from here may be one of another mount namespace.
bool is_seen(const std::string& cache) {
  struct stat attributes {};
  return ::stat((cache + "/meta").c_str(), &attributes) == 0;
}

// Links whose daemon was killed.
void tidy(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string cache = target_of(entry.path().string());
    if (!cache.empty() && is_seen(cache) && !control::is_served(control_socket(cache))) {
      ::unlink(entry.path().c_str());
    }
  }
}

// Renamed over what an earlier mount of the same number has left.
Result<> make_link(const std::string& link, const std::string& cache) {
  const std::string fresh = link + "." + std::to_string(::getpid());
  ::unlink(fresh.c_str());
  if (::symlink(cache.c_str(), fresh.c_str()) == 0 && ::rename(fresh.c_str(), link.c_str()) == 0) {
    return {};
  }
  return fail_errno(errno, "cannot make " + link);
}

}  // namespace

std::vector<std::string> registry_places(uid_t user) {
  const std::string number = std::to_string(user);
  return {user == 0 ? "/run/lazymirror" : "/run/user/" + number + "/lazymirror",
          "/tmp/lazymirror-" + number};
}

uid_t owner_of(const MountLine& line) {
  constexpr std::string_view kKey = "user_id=";
  const auto at = line.options.find(kKey);
  uid_t user = 0;
  if (at == line.options.npos) return user;
  const char* begin = line.options.data() + at + kKey.size();
  (void)std::from_chars(begin, line.options.data() + line.options.size(), user);
  return user;
}

bool is_our_mount(const MountLine& line) { return line.type == "fuse.lazymirror"; }

std::string registered_cache(const MountLine& line) {
  const uid_t owner = owner_of(line);
  for (const std::string& place : registry_places(owner)) {
    if (!belongs_to(place, owner)) continue;
    if (auto cache = target_of(place + "/" + line.device); !cache.empty()) return cache;
  }
  return {};
}

Result<RegisteredMount> RegisteredMount::enter(const std::string& device,
                                               const std::string& cache_directory) {
  const uid_t user = ::geteuid();
  Result<> made = fail(Errc::not_found, "the mount has no device");
  for (const std::string& place : registry_places(user)) {
    made = make_place(place, user)
               ? Result<>()
               : fail(Errc::denied, "the directory " + place + " cannot be had");
    if (!made) continue;
    tidy(place);
    const std::string link = place + "/" + device;
    made = make_link(link, cache_directory);
    if (made) return RegisteredMount(link, cache_directory);
  }
  return fail(made.error());
}

RegisteredMount::RegisteredMount(RegisteredMount&& other) noexcept
    : link_(std::exchange(other.link_, {})), cache_(std::move(other.cache_)) {}

RegisteredMount::~RegisteredMount() {
  if (!link_.empty() && target_of(link_) == cache_) ::unlink(link_.c_str());
}

}  // namespace lazymirror::cli
