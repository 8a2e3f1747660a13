// SPDX-License-Identifier: Apache-2.0
//
// Which cache a FUSE mount belongs to, told to other programs: a symbolic link
// named after the mount's device, which leads to the cache. It lies in
// /run/lazymirror for root, in /run/user/UID/lazymirror for others, or where
// that cannot be had in /tmp/lazymirror-UID. Nobody needs to touch the mount to
// read it, and the mount table says whose it is.
//
// Not synchronised.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/mount_table.h"
#include "base/result.h"

namespace lazymirror::cli {

// Registered as long as it lives.
class RegisteredMount {
 public:
  // What killed daemons have left there is taken away. Errors: no place can be
  // written to.
  [[nodiscard]] static Result<RegisteredMount> enter(const std::string& device,
                                                     const std::string& cache_directory);
  ~RegisteredMount();
  RegisteredMount(RegisteredMount&& other) noexcept;
  RegisteredMount& operator=(RegisteredMount&&) = delete;

 private:
  RegisteredMount(std::string link, std::string cache)
      : link_(std::move(link)), cache_(std::move(cache)) {}

  std::string link_, cache_;
};

[[nodiscard]] bool is_our_mount(const MountLine& line);
// The cache of one of our mounts; empty when nobody has registered it.
[[nodiscard]] std::string registered_cache(const MountLine& line);

// Where mounts of that user are registered, the usual place first.
[[nodiscard]] std::vector<std::string> registry_places(uid_t user);
// Who mounted it, by user_id=; root where the table does not say it.
[[nodiscard]] uid_t owner_of(const MountLine& line);

}  // namespace lazymirror::cli
