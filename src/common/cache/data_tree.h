// SPDX-License-Identifier: Apache-2.0
//
// The files below DIR/data, reached by paths of catalog names only. Nothing
// outside is ever touched, whatever the names are and whoever plays with
// symbolic links in there: every walk is openat2(2) with RESOLVE_BENEATH,
// RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS from an open directory.
//
// What stands in the way of a new file (a directory where a file goes, or the
// other way round) is of an older listing and is taken away.
//
// Threads: safe from any thread; holds no lock. Two who change one path at the
// same time leave the result of one of them; stamps tell whose it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/record.h"

namespace lazymirror {

using TreePath = std::vector<std::string>;  // names, from below data/

class DataTree {
 public:
  // `temporary`: a directory on the same file system, for what is being made or
  // thrown away.
  DataTree(UniqueFd data, UniqueFd temporary);

  [[nodiscard]] int data_fd() const { return data_.get(); }

  [[nodiscard]] int temporary_fd() const { return temporary_.get(); }

  // A regular file; `flags` for open(2).
  [[nodiscard]] Result<UniqueFd> open_file(const TreePath& path, int flags) const;
  // A directory; the root for an empty path.
  [[nodiscard]] Result<UniqueFd> open_directory(const TreePath& path, int flags) const;

  // A new sparse file of `size` bytes with that stamp (for its own inode), not
  // visible at any path.
  struct NewFile {
    UniqueFd fd;
    std::string temporary_name;
  };
  [[nodiscard]] Result<NewFile> create(std::uint64_t size, const Stamp& stamp);
  // Puts it at `path`, over what is there; makes directories as needed.
  Result<> place(const NewFile& file, const TreePath& path);
  void drop(const NewFile& file);  // it lives on for those who have it open

  // Removes the file at `path` if its stamp is of `id` and, when a generation
  // is given, older than that one. Nothing there is no error.
  Result<> remove_file(const TreePath& path, std::uint64_t id, std::uint64_t before_generation);
  Result<> remove_directory(const TreePath& path);  // with all that is in it
  // Of the directories that lead to `path`, takes away the first that bears the
  // stamp of another one than `ids` says, with all that is in it: it is of an
  // older listing. One without a stamp was made by place().
  Result<> remove_strangers(const TreePath& path, std::span<const std::uint64_t> ids);

  // Takes away whatever has that name. Nothing there is no error.
  Result<> discard_entry(int parent, const std::string& name);

  // Throws away what an earlier run left behind.
  Result<> clean_temporary();
  [[nodiscard]] std::string next_temporary_name();

 private:
  Result<UniqueFd> open_parent(const TreePath& path, bool create);
  Result<UniqueFd> make_directory(int parent, const std::string& name);
  Result<> remove_temporary(std::vector<std::string> pending);

  UniqueFd data_;
  UniqueFd temporary_;
  std::atomic<std::uint64_t> names_;
};

[[nodiscard]] std::uint64_t random_number();

// The stamp of an open data file; nothing when it has none that can be read, or
// that of another inode.
[[nodiscard]] std::optional<Stamp> read_stamp(int fd);
// The same of what has that name; links are not followed. No file is opened.
[[nodiscard]] std::optional<Stamp> stamp_at(int directory, const std::string& name);
// As it stands, for whichever inode it is.
Result<> write_stamp(int fd, const Stamp& stamp);

// open(2) below `dirfd`, never out of it and never through a link.
[[nodiscard]] Result<UniqueFd> open_beneath(int dirfd, const char* name, int flags);
// The names in a directory that is open for reading, without "." and "..".
[[nodiscard]] Result<std::vector<std::string>> names_in(int directory);

}  // namespace lazymirror
