// SPDX-License-Identifier: Apache-2.0
//
// What an open(2) of a file that is not complete has to wait for.
//
// Where filling moves the ctime of a file (ext4, btrfs), tar(1) finds that it
// changed between its first look and its last; where a placeholder is a hole
// (ext4), tools that skip holes take it for empty. Both look only once the file
// is open, so small files are filled before that. XFS with reflinks shows
// neither.
#pragma once

#include <cstdint>
#include <string>

namespace lazymirror::fanotify {

struct OpenRule {
  static constexpr std::uint64_t kNoLimit = UINT64_MAX;

  // A file of at most this size is filled before its open returns; 0: none is.
  std::uint64_t fill_up_to = 0;

  // A larger one has its blocks reserved then: it would show holes.
  bool reserves = false;

  // Whether opens of files have to be told at all.
  [[nodiscard]] bool asks() const { return fill_up_to > 0 || reserves; }
};

// By what the file system of `directory` can do; `limit`: what is small there.
// Makes files without a name in `directory`. Safe from any thread.
[[nodiscard]] OpenRule open_rule(const std::string& directory, std::uint64_t limit);

}  // namespace lazymirror::fanotify
