// SPDX-License-Identifier: Apache-2.0
//
// The names of the data tree in place: made complete in every respect (size,
// stamp, mode, time) before they can be seen, and put over what is there in
// one step. See placement.h.
//
// Threads: safe from any thread. Two who put the same generation at one name
// agree on the file of the first.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/guarded.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/data_tree.h"
#include "cache/placement.h"
#include "cache/poison.h"

namespace lazymirror {

// futimens(2) with the time of last modification only; without it where that is
// the time already, since it would move ctime.
Result<> set_mtime(int fd, std::int64_t mtime_ns);
[[nodiscard]] std::int64_t mtime_of(const struct stat& st);

class Placeholders {
 public:
  // `meta`: where the template of poison lies; used here only.
  Placeholders(DataTree& tree, int meta, mode_t file_mode)
      : tree_(tree), poison_(meta), file_mode_(file_mode) {}

  [[nodiscard]] const Poison& poison() const { return poison_; }
  [[nodiscard]] mode_t file_mode() const { return file_mode_; }
  // Told of every new name from now on.
  void set_observer(ObserverPtr observer);
  Result<> before_file(int fd) const;
  Result<> before_directory(int fd) const;
  [[nodiscard]] std::shared_ptr<void> before_lease(int fd) const;

  struct Shape {
    EntryId id = 0;
    std::uint64_t generation = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
  };
  struct NewFile {
    UniqueFd fd;  // for reading and writing
    Stamp stamp;
  };
  // Has no name yet; near `directory` on the disk.
  [[nodiscard]] Result<NewFile> make_file(int directory, const Shape& shape) const;

  // What put() does when the same generation of the entry stands there already.
  enum class Rival { keep, replace };
  enum class Put { made, replaced, kept };
  // Anything else that stands there is replaced.
  Result<Put> put(const NewFile& file, int directory, const std::string& name, Rival rival);

  // Open for reading. It and those above it are made where they are missing,
  // or where what stands is of an earlier entry.
  [[nodiscard]] Result<UniqueFd> open_directory(Catalog& catalog, EntryId directory);
  // Makes, or replaces what stands there; open for reading.
  Result<UniqueFd> put_directory(int parent, const std::string& name, EntryId id,
                                 std::int64_t mtime_ns);

 private:
  [[nodiscard]] ObserverPtr observer() const {
    return observer_.with([](const ObserverPtr& o) { return o; });
  }
  Result<> rename_over(const std::string& temporary, int directory, const std::string& name);

  DataTree& tree_;
  const Poison poison_;
  const mode_t file_mode_;
  Guarded<ObserverPtr> observer_;      // null: nobody guards yet
  std::array<std::mutex, 64> naming_;  // leaves, by entry: one decides over an existing name
};

}  // namespace lazymirror
