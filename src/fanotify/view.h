// SPDX-License-Identifier: Apache-2.0
//
// Where users see the tree: a read-only bind mount of CACHE/data on itself,
// and, when asked for, one more at a directory of the user's choice. Both are
// of one peer group, so that a trap set in one is in the other. The group is
// the view's own: what is mounted in the view is not in the cache's mount.
//
// The door: the data directory is closed (mode 0700) while nobody guards it.
// Not synchronised. Needs CAP_SYS_ADMIN.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/view_mounts.h"

namespace lazymirror::fanotify {

struct ViewPlaces {
  std::string cache_directory;  // absolute, without links
  std::string shown_at;         // absolute; empty: only in place
};

class View {
 public:
  View(View&&) noexcept = default;
  View& operator=(View&&) = delete;
  ~View();  // hides it

  // Shows the data tree, closed. REQUIRES: clear_leftovers().
  [[nodiscard]] static Result<View> show(const ViewPlaces& places);
  void open_door();
  // Closes the door and takes the mounts away, with all that is mounted below,
  // also when they are in use: who has files open keeps them.
  void hide();

  // One that another keeper shows, with its door.
  [[nodiscard]] static Result<View> take_over(const ViewPlaces& places, UniqueFd door);
  void leave();  // to another keeper: it stays, and this object is of no more use
  [[nodiscard]] int door() const { return door_.get(); }

  // Mounts of an earlier run that was killed: gone afterwards, also those at a
  // place that is not known any more, as long as the one at CACHE/data is
  // there. Who is caught in a trap of that run gets an error. Closes the door.
  static Result<> clear_leftovers(const ViewPlaces& places);

  [[nodiscard]] const std::string& path() const { return path_; }  // CACHE/data
  [[nodiscard]] std::vector<UniqueFd> roots() const;               // of all its mounts, O_PATH

 private:
  View(ViewMounts mounts, std::string path, UniqueFd door)
      : mounts_(std::move(mounts)), path_(std::move(path)), door_(std::move(door)) {}

  ViewMounts mounts_;
  std::string path_;
  UniqueFd door_;  // the data directory, not through the view; none: hidden, or moved from
  std::vector<std::string> mounted_;
};

}  // namespace lazymirror::fanotify
