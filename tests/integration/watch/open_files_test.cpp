// SPDX-License-Identifier: Apache-2.0
//
// Files that somebody has open, or mapped, when the watch is stopped: what is
// not there is an error, never a placeholder's bytes; the process that sees to
// this goes with the last of them and is in nobody's way.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/unique_fd.h"
#include "integration/watch/watch.h"

namespace lazymirror::testing {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kSize = 8u << 20;
constexpr std::uint64_t kPiece = 64u << 10;

class AnOpenFile : public OnEachFs {
 protected:
  [[nodiscard]] UniqueFd opened(const std::string& path) const {
    UniqueFd fd(::open(at(path).c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(fd.valid()) << errno;
    return fd;
  }

  // Every piece is right or an error; how many were errors.
  static unsigned errors_in(int fd, const std::string& truth) {
    std::vector<std::byte> bytes(kPiece);
    unsigned errors = 0;
    for (std::uint64_t offset = 0; offset < kSize; offset += kPiece) {
      const ssize_t n = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0) {
        EXPECT_EQ(errno, EIO);
        ++errors;
      } else {
        EXPECT_EQ(static_cast<std::uint64_t>(n), kPiece);
        EXPECT_TRUE(bytes_are(truth, 1, offset, bytes));
      }
    }
    return errors;
  }

  // The processes that guard what is left of this cache.
  [[nodiscard]] std::vector<std::string> guards() const {
    struct stat info {};
    EXPECT_EQ(::stat(cache.c_str(), &info), 0);
    const std::string known_by = "/memfd:lazymirror-guard-" + std::to_string(info.st_dev) + "-" +
                                 std::to_string(info.st_ino) + " ";
    std::vector<std::string> found;
    for (const auto& process : std::filesystem::directory_iterator("/proc")) {
      for (const std::string& link : links(process.path() / "fd")) {
        if (link.starts_with(known_by)) found.push_back(process.path());
      }
    }
    return found;
  }
  // The inode may have been that of another test's cache, whose guard goes by now.
  std::unique_ptr<Daemon> watched_without_guards() {
    auto daemon = watched();
    EXPECT_TRUE(eventually([&] { return guards().empty(); }));
    return daemon;
  }
  static std::vector<std::string> links(const std::string& directory) {
    std::vector<std::string> found;
    std::error_code error;
    for (std::filesystem::directory_iterator i(directory, error), end; !error && i != end;
         i.increment(error)) {
      std::error_code gone;
      found.push_back(std::filesystem::read_symlink(*i, gone));
    }
    return found;
  }
};
INSTANTIATE_TEST_SUITE_P(All, AnOpenFile, ::testing::ValuesIn(each_fs()), fs_name);

TEST_P(AnOpenFile, ReadsErrorsAfterAStopButNoPlaceholder) {
  origin.put("/f", {.size = kSize});
  auto daemon = watched_without_guards();
  UniqueFd fd = opened("/f");
  std::vector<std::byte> begin(kPiece);
  ASSERT_EQ(::pread(fd.get(), begin.data(), begin.size(), 0), static_cast<ssize_t>(kPiece));
  ASSERT_TRUE(bytes_are("/f", 1, 0, begin));
  EXPECT_EQ(daemon->terminate(), 0) << daemon->log();
  EXPECT_GT(errors_in(fd.get(), "/f"), 0u);
  ASSERT_EQ(guards().size(), 1u);
  for (const std::string& link : links(guards().at(0) + "/fd")) {
    EXPECT_FALSE(link.starts_with(fs.path())) << link << " would keep the file system";
  }
  fd.reset();
  EXPECT_TRUE(eventually([&] { return guards().empty(); }, seconds(30)));
}

TEST_P(AnOpenFile, IsReadOnWithTheNextWatch) {
  origin.put("/f", {.size = kSize});
  auto daemon = watched();
  const UniqueFd fd = opened("/f");
  const auto stopped = run({"stop", cache});
  ASSERT_EQ(stopped.status, 0) << stopped.output;
  ASSERT_EQ(daemon->wait(seconds(20)), 0);
  EXPECT_GT(errors_in(fd.get(), "/f"), 0u);
  const auto next = watched();
  EXPECT_TRUE(is_right("/f", kSize)) << "a guard of before is in nobody's way";
  EXPECT_TRUE(eventually([&] { return guards().empty(); }, seconds(30)));
  EXPECT_EQ(errors_in(fd.get(), "/f"), 0u);
}

TEST_P(AnOpenFile, ThatIsOnlyMappedKeepsItsBytes) {
  origin.put("/f", {.size = kSize});
  auto daemon = watched_without_guards();
  UniqueFd fd = opened("/f");
  void* const map = ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  ASSERT_NE(map, MAP_FAILED);
  fd.reset();
  EXPECT_EQ(daemon->terminate(), 0) << daemon->log();
  EXPECT_TRUE(bytes_are("/f", 1, 0, std::span(static_cast<const std::byte*>(map), kSize)));
  EXPECT_EQ(guards().size(), 1u);
  ASSERT_EQ(::munmap(map, kSize), 0);
  EXPECT_TRUE(eventually([&] { return guards().empty(); }, seconds(30)));
}

TEST_P(AnOpenFile, ReadsErrorsAfterAStopAlsoFromADirectoryThatSomebodyStandsIn) {
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  const UniqueFd directory(::open(at("/d").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(directory.valid()) << errno;
  EXPECT_EQ(daemon->terminate(), 0) << daemon->log();
  const UniqueFd fd(::openat(directory.get(), "f", O_RDONLY | O_CLOEXEC));
  if (fd.valid()) {
    EXPECT_EQ(errors_in(fd.get(), "/d/f"), kSize / kPiece);
  } else {
    EXPECT_EQ(errno, EIO) << "where opens are guarded";
  }
}

TEST_P(AnOpenFile, ThatWasClosedLeavesNoProcessBehind) {
  origin.put("/f", {.size = kSize});
  auto daemon = watched();
  EXPECT_TRUE(is_right("/f", kSize));
  EXPECT_EQ(daemon->terminate(), 0) << daemon->log();
  EXPECT_TRUE(eventually([&] { return guards().empty(); }, seconds(30)));
}

}  // namespace
}  // namespace lazymirror::testing
