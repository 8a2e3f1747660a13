// SPDX-License-Identifier: Apache-2.0
#include "contract/mounted_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sstream>

#include "base/unique_fd.h"
#include "control/message.h"
#include "support/child_process.h"
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

// The program as a shell runs it.
class ProgramCommand final : public Command {
 public:
  ProgramCommand(std::vector<std::string> argv, const std::string& log)
      : log_(log), child_({.argv = std::move(argv), .log_file = log}) {}

  [[nodiscard]] std::uint64_t files_done() override {
    const std::string log = child_.log();
    return read(log.substr(0, log.rfind('\n') + 1)).files_done;
  }
  void interrupt() override { child_.signal(SIGINT); }
  [[nodiscard]] Told wait() override {
    const auto status = child_.wait(std::chrono::seconds(120));
    Told told = read(child_.log());
    told.status = status.value_or(-1);
    ::unlink(log_.c_str());
    return told;
  }

 private:
  // Lines of JSON on standard output, others on standard error.
  static Told read(const std::string& log) {
    Told told;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      const auto message = control::parse_message(line);
      if (!message) {
        told.error += line + "\n";
      } else if (const auto finding = control::text_of(*message, "finding")) {
        const auto path = control::text_of(*message, "path").value_or(std::string());
        told.findings.push_back(*finding + " " + control::decode_path(path).value_or(path));
      } else {
        told.files_done = number(*message, "files_done");
        told.failed = number(*message, "failed");
      }
    }
    std::sort(told.findings.begin(), told.findings.end());
    return told;
  }
  static std::uint64_t number(const control::Message& message, const char* key) {
    return static_cast<std::uint64_t>(control::number_of(message, key).value_or(0));
  }

  const std::string log_;
  ChildProcess child_;
};

class MountedTree : public Tree {
 public:
  explicit MountedTree(const DaemonOptions& options)
      : cache_(options.cache), daemon_(options, work_), root_(daemon_.mountpoint()) {}

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

  [[nodiscard]] std::unique_ptr<Command> begin(std::vector<std::string> words) override {
    for (std::string& word : words) {
      if (word.starts_with('/')) word = full(word);
    }
    words.insert(words.begin(), lazymirror_binary());
    const std::string log = work_ / "command" + std::to_string(++commands_);
    return std::make_unique<ProgramCommand>(std::move(words), log);
  }
  void with_data_file(const std::string& path,
                      const std::function<void(const std::string&)>& use) override {
    use(cache_ + "/data" + path);
  }

  [[nodiscard]] std::string directory() const override { return root_; }

 protected:
  [[nodiscard]] const std::string& cache() const { return cache_; }
  TempDir work_;

 private:
  [[nodiscard]] std::string full(const std::string& path) const { return root_ + path; }

  const std::string cache_;
  Daemon daemon_;
  const std::string root_;
  int commands_ = 0;
  bool started_ = false;
};

// Plain files. The origin is asked again when a directory is opened, not when a
// file is looked at.
class WatchedTree final : private SmallFs, public MountedTree {
 public:
  WatchedTree(SmallFs::Kind kind, DaemonOptions options)
      : SmallFs(kind, kFsBytes), MountedTree(at(*this, std::move(options))) {}

  void look_for_changes(const std::string& directory) override { (void)list(directory); }
  // The view stands before it: so by another mount of the file system.
  void with_data_file(const std::string& path,
                      const std::function<void(const std::string&)>& use) override {
    const std::string side = MountedTree::work_.make_dir("side");
    ASSERT_EQ(::mount(cache().c_str(), side.c_str(), nullptr, MS_BIND, nullptr), 0);
    use(side + "/data" + path);
    EXPECT_EQ(::umount2(side.c_str(), MNT_DETACH), 0);
  }

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
