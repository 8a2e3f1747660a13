// SPDX-License-Identifier: Apache-2.0
//
// What docs/semantics.md says of the ways to bytes that the kernel does not
// tell of, and of directories that nobody has listed yet: that it is so, and
// that right bytes can be had afterwards.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/unique_fd.h"
#include "integration/watch/watch.h"

namespace lazymirror::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kSize = 8'000'001;
// Nobody reads ahead as far as this.
constexpr std::uint64_t kPage = 4'096, kFar = 1'900 * kPage;

class NotSeen : public OnEachFs {
 protected:
  NotSeen() { origin.put("/d/f", {.size = kSize}); }

  UniqueFd open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(fd.valid()) << path << ": " << std::strerror(errno);
    return fd;
  }

  // Zeros where a file is a hole until it is filled, poison elsewhere.
  ::testing::AssertionResult is_placeholder(std::span<const std::byte> bytes) {
    const auto zeros = std::count(bytes.begin(), bytes.end(), std::byte{0});
    const bool is_hole = GetParam().kind == SmallFs::Kind::ext4;
    if (zeros != (is_hole ? static_cast<std::ptrdiff_t>(bytes.size()) : 0)) {
      return ::testing::AssertionFailure() << zeros << " zeros";
    }
    if (!bytes_are("/d/f", 1, kFar, bytes)) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "the origin's bytes";
  }

  static std::span<const std::byte> far_page(const void* map) {
    return {static_cast<const std::byte*>(map) + kFar, kPage};
  }
};
INSTANTIATE_TEST_SUITE_P(Is, NotSeen, ::testing::ValuesIn(each_fs()), fs_name);

TEST_P(NotSeen, TheGrowthOfAMapping) {
  const auto daemon = watched();
  const UniqueFd fd = open(at("/d/f"));
  void* const page = ::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(page, MAP_FAILED);
  void* const map = ::mremap(page, kPage, kSize, MREMAP_MAYMOVE);
  ASSERT_NE(map, MAP_FAILED);
  EXPECT_TRUE(is_placeholder(far_page(map)));
  EXPECT_TRUE(is_right("/d/f", kSize));
  EXPECT_TRUE(bytes_are("/d/f", 1, kFar, far_page(map))) << "what is filled is seen at once";
  ::munmap(map, kSize);
}

TEST_P(NotSeen, AReadThroughALoopDevice) {
  const auto daemon = watched();
  const auto read = run_shell("set -e; L=$(losetup --read-only --find --show " + at("/d/f") +
                              "); trap 'losetup -d $L' 0; " + "dd if=$L of=" + work / "page" +
                              " bs=4096 skip=1900 count=1 status=none");
  ASSERT_EQ(read.status, 0) << read.output;
  std::array<std::byte, kPage> bytes{};
  const UniqueFd page = open(work / "page");
  ASSERT_EQ(::read(page.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  EXPECT_TRUE(is_placeholder(bytes));
  EXPECT_TRUE(is_right("/d/f", kSize));
}

TEST_P(NotSeen, AMappingThroughOverlayfsWhoseReadsAreSeen) {
  const auto daemon = watched();
  struct stat info {};
  ASSERT_EQ(::stat(at("/d/f").c_str(), &info), 0);
  const std::string overlay = work.make_dir("overlay");
  const std::string lower = "lowerdir=" + at("/d") + ":" + work.make_dir("empty");
  ASSERT_EQ(::mount("overlay", overlay.c_str(), "overlay", 0, lower.c_str()), 0)
      << std::strerror(errno);
  {
    const UniqueFd fd = open(overlay + "/f");
    void* const map = ::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(map, MAP_FAILED);
    EXPECT_TRUE(is_placeholder(far_page(map)));
    ::munmap(map, kSize);
  }
  EXPECT_TRUE(file_is(overlay + "/f", "/d/f", 1, kSize));
  EXPECT_EQ(::umount(overlay.c_str()), 0);
}

// A directory whose listing does not come until the test lets it.
class DirectoriesNotListedYet : public Watch {
 protected:
  DirectoriesNotListedYet() : Watch(SmallFs::Kind::ext4) { origin.put("/d/f", {.size = 10}); }
  std::string found(const std::string& options) {
    return run_shell("find " + at("") + " " + options + " -printf '%P\\n' | sort").output;
  }
};

TEST_F(DirectoriesNotListedYet, ArePassedOverByToolsThatStayOnOneFileSystem) {
  origin.inject("/d/", {.fault = Fault::stall_before_head, .times = 0});
  const auto daemon = watched();
  EXPECT_EQ(found("-xdev"), "\nd\n");
  const auto counted = run_shell("du -x --all " + at(""));
  EXPECT_EQ(counted.status, 0);
  EXPECT_THAT(counted.output, ::testing::Not(::testing::HasSubstr("/d/f")));
  origin.clear_faults();
  origin.unstall();
  EXPECT_EQ(found(""), "\nd\nd/f\n");
  EXPECT_TRUE(eventually([&] { return found("-xdev") == "\nd\nd/f\n"; }, std::chrono::seconds(20)));
}

TEST_F(DirectoriesNotListedYet, AreOnTheSameFileSystemWithoutTraps) {
  const auto daemon = watched({"--max-traps=0"});
  EXPECT_EQ(found("-xdev"), "\nd\nd/f\n");
}

// A copy of the mounts as they were when the namespace was made.
class InAnotherNamespace : public OnEachFs {
 protected:
  InAnotherNamespace() {
    for (const char* name : {"/warm/f", "/cold/f", "/colder/f"}) origin.put(name, {.size = kPage});
  }
  CommandResult run_with(const std::string& propagation, const std::string& line) {
    return run_shell("unshare -m --propagation " + propagation + " sh -c '" + line + "'");
  }
};
INSTANTIATE_TEST_SUITE_P(On, InAnotherNamespace, ::testing::ValuesIn(each_fs()), fs_name);

TEST_P(InAnotherNamespace, ThatFollowsAllIsAsHere) {
  const auto daemon = watched();
  const std::string out = work / "out";
  EXPECT_EQ(run_with("slave", "cat " + at("/cold/f") + " > " + out).status, 0);
  EXPECT_TRUE(file_is(out, "/cold/f", 1, kPage));
}

// The trap is taken away here; its copy stays, and leads nowhere.
TEST_P(InAnotherNamespace, WithoutPropagationATrapStaysAnErrorAndFilesAreRight) {
  const auto daemon = watched();
  ASSERT_EQ(stat_error(at("/warm/f")), 0);
  const std::string out = work / "out";
  const auto there =
      run_with("private", "cat " + at("/warm/f") + " > " + out + "; stat " + at("/cold/f") +
                              "; ls " + at("/cold") + " && echo listed");
  EXPECT_TRUE(file_is(out, "/warm/f", 1, kPage));
  EXPECT_NE(there.status, 0) << there.output;
  EXPECT_THAT(there.output, AnyOf(HasSubstr("Stale file handle"), HasSubstr("Too many levels")));
  EXPECT_THAT(there.output, ::testing::Not(HasSubstr("listed")));
  EXPECT_EQ(stat_error(at("/cold/f")), 0);
  EXPECT_EQ(run_with("private", "cat " + at("/cold/f") + " > " + out).status, 0)
      << "one that is made now";
}

}  // namespace
}  // namespace lazymirror::testing
