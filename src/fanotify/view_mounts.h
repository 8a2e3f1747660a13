// SPDX-License-Identifier: Apache-2.0
//
// Which mounts are the view's, and how they are taken away: of this run, or of
// one that was killed. What belongs to somebody else is never unmounted by
// itself; mounts below the view go with it.
//
// Not synchronised. Needs CAP_SYS_ADMIN.
#pragma once

#include <string>
#include <vector>

#include "base/mount_table.h"
#include "base/result.h"

namespace lazymirror::fanotify {

class ViewMounts {
 public:
  // What a bind mount of CACHE/data looks like in the mount table.
  [[nodiscard]] static Result<ViewMounts> of(const std::string& cache_directory);

  // A mount of the data directory itself.
  [[nodiscard]] bool is_view(const MountLine& mount) const;

  // Takes away the view at `place`, all layers of it, also when in use. Stops
  // at somebody else's mount on top of it. False when something is still there.
  [[nodiscard]] bool unmount(const std::string& place) const;

  // Where there are views: at CACHE/data, at `shown_at`, and wherever else one
  // of the same peer group is.
  [[nodiscard]] std::vector<std::string> places(const std::vector<MountLine>& table,
                                                const std::string& data,
                                                const std::string& shown_at) const;

 private:
  std::string device_, root_;
};

}  // namespace lazymirror::fanotify
