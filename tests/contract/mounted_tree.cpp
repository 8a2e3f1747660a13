// SPDX-License-Identifier: Apache-2.0
#include "contract/mounted_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.h"
#include "support/daemon.h"
#include "support/loop_fs.h"
#include "support/mounts.h"

namespace lazymirror::testing {
namespace {

tl::unexpected<int> failed() { return tl::unexpected<int>(errno); }

Attr to_attr(const struct stat& info) {
  return {.ino = info.st_ino,
          .type = info.st_mode & S_IFMT,
          .size = static_cast<std::uint64_t>(info.st_size),
          .mtime_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
}

class MountedFile final : public OpenFile {
 public:
  explicit MountedFile(UniqueFd fd) : fd_(std::move(fd)) {}

  void drop_pages() override { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }
  Outcome<std::size_t> pread(std::span<std::byte> out, std::uint64_t offset) override {
    const ssize_t n = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0) return failed();
    return static_cast<std::size_t>(n);
  }

  Outcome<Attr> attr() override {
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) return failed();
    return to_attr(info);
  }

 private:
  UniqueFd fd_;
};

class MountedTree : public Tree {
 public:
  explicit MountedTree(DaemonOptions options)
      : daemon_(std::move(options), work_), root_(daemon_.mountpoint()) {}

  ~MountedTree() override {
    if (!started_) return;
    EXPECT_EQ(daemon_.terminate(), 0) << "the daemon must end cleanly";
    EXPECT_FALSE(mount_at(root_)) << "the mount must be gone";
  }

  ::testing::AssertionResult ready() {
    auto result = daemon_.ready();
    started_ = static_cast<bool>(result);
    return result;
  }

  Outcome<Attr> stat(const std::string& path) override {
    struct stat info {};
    if (::lstat(full(path).c_str(), &info) != 0) return failed();
    return to_attr(info);
  }

  Outcome<std::vector<Name>> list(const std::string& path) override {
    DIR* dir = ::opendir(full(path).c_str());
    if (dir == nullptr) return failed();
    std::vector<Name> names;
    errno = 0;
    while (const dirent* entry = ::readdir(dir)) {
      names.push_back({entry->d_name, entry->d_ino, entry->d_type});
      errno = 0;
    }
    const int error = errno;
    ::closedir(dir);
    if (error != 0) return tl::unexpected<int>(error);
    return names;
  }

  Outcome<std::unique_ptr<OpenFile>> open(const std::string& path) override {
    UniqueFd fd(::open(full(path).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return failed();
    return std::make_unique<MountedFile>(std::move(fd));
  }

  Outcome<std::string> xattr(const std::string& path, const std::string& name) override {
    std::array<char, 4096> value;
    const ssize_t n = ::lgetxattr(full(path).c_str(), name.c_str(), value.data(), value.size());
    if (n < 0) return failed();
    return std::string(value.data(), static_cast<std::size_t>(n));
  }

  [[nodiscard]] std::string directory() const override { return root_; }

 private:
  [[nodiscard]] std::string full(const std::string& path) const { return root_ + path; }

  TempDir work_;
  Daemon daemon_;
  const std::string root_;
  bool started_ = false;
};

// Plain files. The origin is asked again when a directory is opened, not when a
// file is looked at.
class WatchedTree final : private SmallFs, public MountedTree {
 public:
  WatchedTree(SmallFs::Kind kind, DaemonOptions options)
      : SmallFs(kind, kFsBytes), MountedTree(at(*this, std::move(options))) {}

  void look_for_changes(const std::string& directory) override { (void)list(directory); }

 private:
  static constexpr std::uint64_t kFsBytes = 1u << 30;
  static DaemonOptions at(const SmallFs& fs, DaemonOptions options) {
    options.cache = fs.path() + "/cache";
    return options;
  }
};

std::string ms(std::chrono::milliseconds duration) {
  return std::to_string(duration.count()) + "ms";
}

std::vector<std::string> common_options(const TreeSettings& settings) {
  std::vector<std::string> options{"--ttl=" + ms(settings.ttl), "--timeout=" + ms(settings.timeout),
                                   "--retries=" + std::to_string(settings.retries),
                                   "--negative-ttl=" + ms(settings.negative_ttl),
                                   "--log-level=debug"};
  if (settings.strict_ttl) options.push_back("--strict-ttl");
  if (settings.cache_size != 0) {
    options.push_back("--cache-size=" + std::to_string(settings.cache_size));
  }
  if (!settings.mount_options.empty()) {
    options.insert(options.end(), {"-o", settings.mount_options});
  }
  return options;
}

template <typename T>
std::unique_ptr<Tree> once_ready(std::unique_ptr<T> tree) {
  const auto ready = tree->ready();
  EXPECT_TRUE(ready);
  if (!ready) return nullptr;
  return tree;
}

}  // namespace

std::unique_ptr<Tree> start_mounted_tree(const TreeSettings& settings, const std::string& io) {
  DaemonOptions options{.url = settings.url,
                        .mountpoint = settings.mountpoint,
                        .cache = settings.cache,
                        .options = common_options(settings)};
  options.options.push_back("--io=" + io);
  return once_ready(std::make_unique<MountedTree>(std::move(options)));
}

std::unique_ptr<Tree> start_watched_tree(const TreeSettings& settings, SmallFs::Kind kind,
                                         std::vector<std::string> further) {
  const auto common = common_options(settings);
  further.insert(further.end(), common.begin(), common.end());
  DaemonOptions options{.url = settings.url,
                        .mountpoint = "",
                        .cache = "",
                        .options = std::move(further),
                        .in_place = true};
  return once_ready(std::make_unique<WatchedTree>(kind, std::move(options)));
}

}  // namespace lazymirror::testing
