// SPDX-License-Identifier: Apache-2.0
//
// A mirrored tree as a program sees it: plain POSIX operations, whatever front
// end shows it. The contract suite is written against this only, so that a new
// front end joins by one line in front_ends_*.cpp.
//
// Paths begin with '/', the root being "/". Errors are errnos. Safe from any
// thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace lazymirror::testing {

template <typename T>
using Outcome = tl::expected<T, int>;

struct Attr {
  std::uint64_t ino = 0;
  mode_t type = 0;  // S_IFREG or S_IFDIR
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
};

struct Name {
  std::string name;
  std::uint64_t ino = 0;
  unsigned char type = 0;  // DT_REG, DT_DIR, DT_UNKNOWN
};

class OpenFile {
 public:
  virtual ~OpenFile() = default;
  // One read: short only at the end of the file.
  virtual Outcome<std::size_t> pread(std::span<std::byte> out, std::uint64_t offset) = 0;
  virtual void drop_pages() {}  // that the kernel keeps
  virtual Outcome<Attr> attr() = 0;
};

// What a command said at its end.
struct Told {
  int status = -1;                    // of the command; -1: it did not end
  std::vector<std::string> findings;  // "damaged a/b", sorted
  std::uint64_t files_done = 0, failed = 0;
  std::string error;  // for people
};

// A command under way.
class Command {
 public:
  virtual ~Command() = default;
  [[nodiscard]] virtual std::uint64_t files_done() = 0;  // as it told last
  virtual void interrupt() = 0;                          // Ctrl-C
  [[nodiscard]] virtual Told wait() = 0;
};

class Tree {
 public:
  virtual ~Tree() = default;
  virtual Outcome<Attr> stat(const std::string& path) = 0;
  virtual Outcome<std::vector<Name>> list(const std::string& path) = 0;  // with "." and ".."
  virtual Outcome<std::unique_ptr<OpenFile>> open(const std::string& path) = 0;
  virtual Outcome<std::string> xattr(const std::string& path, const std::string& name) = 0;
  // What a user does to see what has changed at the origin.
  virtual void look_for_changes(const std::string& /*directory*/) {}
  // Where it is mounted; empty for a front end without a directory.
  [[nodiscard]] virtual std::string directory() const = 0;

  // `lazymirror WORDS`, with paths of the tree: {"fetch", "-r", "/a"}.
  [[nodiscard]] virtual std::unique_ptr<Command> begin(std::vector<std::string> words) = 0;
  [[nodiscard]] Told run(std::vector<std::string> words) { return begin(std::move(words))->wait(); }
  // Its data file in the cache, past what shows it, so that a test can spoil it;
  // `use` is given the path.
  virtual void with_data_file(const std::string& path,
                              const std::function<void(const std::string&)>& use) = 0;
};

struct TreeSettings {
  std::string url;
  std::string cache;       // a directory; filled before by another tree, or new
  std::string mountpoint;  // an empty directory
  std::chrono::milliseconds ttl{300'000};
  std::chrono::milliseconds timeout{20'000};
  std::chrono::milliseconds negative_ttl{30'000};
  bool strict_ttl = false;
  unsigned retries = 3;
  std::string mount_options = {};  // as for -o; for front ends that mount
  std::uint64_t cache_size = 0;    // bytes; 0: by default
};

struct FrontEnd {
  std::string name;
  std::unique_ptr<Tree> (*start)(const TreeSettings& settings);  // nullptr: it does not start
  // Plain files: sizes are learnt before names are shown, there are no extra
  // attributes, and a reader can be given few errnos (docs/semantics.md).
  bool in_place = false;
  bool has_holes = false;    // files that are not fetched yet show holes until they are opened
  bool moves_ctime = false;  // filling large files does: tar(1) then ends with status 1
  bool tells_opens = true;   // else the kernel opens by itself
};

// Those that this test program has; each program defines it once.
[[nodiscard]] std::vector<FrontEnd> front_ends();

}  // namespace lazymirror::testing
