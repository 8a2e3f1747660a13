// SPDX-License-Identifier: Apache-2.0
#include "cache/cache_directory.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/file_io.h"
#include "cache/cache.h"
#include "cache_fixture.h"

namespace lazymirror {
namespace {

namespace fs = std::filesystem;
using test::value;
using testing::HasSubstr;

class CacheDirectoryTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_.path() + "/deep/cache"; }
  test::TemporaryDirectory directory_;
};

TEST_F(CacheDirectoryTest, MakesTheLayout) {
  const auto lock = value(lock_cache(path()));
  const auto opened = value(open_cache_directory(path()));
  EXPECT_TRUE(fs::is_directory(path() + "/data"));
  EXPECT_TRUE(fs::is_directory(path() + "/meta/tmp"));
  EXPECT_EQ(fs::status(path() + "/meta").permissions(), fs::perms::owner_all);
  EXPECT_EQ(opened.catalog_path, path() + "/meta/catalog.db");
  EXPECT_THAT(value(read_file(path() + "/CACHEDIR.TAG")),
              testing::StartsWith("Signature: 8a477f597d28d172789f06886806bc55\n"));
}

TEST_F(CacheDirectoryTest, SecondDaemonLearnsWhoHasIt) {
  const auto first = value(lock_cache(path()));
  const auto second = lock_cache(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::busy);
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid()) + " ("));
  EXPECT_THAT(second.error().message, HasSubstr("--cache-location"));
}

TEST_F(CacheDirectoryTest, LockGoesWithItsHolder) {
  { const auto first = value(lock_cache(path())); }
  EXPECT_TRUE(lock_cache(path()));
}

TEST_F(CacheDirectoryTest, FileInPlaceOfTheDirectoryIsNamed) {
  std::ofstream(directory_.path() + "/deep") << "x";
  const auto opened = lock_cache(path());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr(path()));
}

TEST_F(CacheDirectoryTest, DirectoryThatCannotBeWrittenIsNamed) {
  // Root may write anywhere, except where nobody can.
  const auto opened = lock_cache("/proc/sys/kernel/lazymirror");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message,
              HasSubstr("cannot write to the cache directory /proc/sys/kernel/lazymirror"));
  EXPECT_THAT(opened.error().message, HasSubstr("--cache-location"));
}

// ramfs has no user xattrs.
TEST_F(CacheDirectoryTest, FileSystemWithoutXattrsIsRefused) {
  const std::string ram = directory_.path() + "/ram";
  fs::create_directory(ram);
  if (::mount("none", ram.c_str(), "ramfs", 0, nullptr) != 0) {
    ASSERT_EQ(std::getenv("LAZYMIRROR_CI"), nullptr) << "CI must be able to mount";
    GTEST_SKIP() << "needs root to mount a ramfs";
  }
  fs::create_directory(ram + "/cache");
  const auto opened = open_cache_directory(ram + "/cache");
  EXPECT_EQ(::umount(ram.c_str()), 0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::unsupported);
  EXPECT_THAT(opened.error().message, HasSubstr("no user extended attributes"));
}

TEST_F(CacheDirectoryTest, DamagedCatalogsAreCountedUp) {
  const std::string catalog = directory_.path() + "/catalog.db";
  for (const char* number : {"1", "2"}) {
    std::ofstream(catalog) << number;
    std::ofstream(catalog + "-wal") << number;
    const std::string aside = catalog + ".damaged-" + number;
    EXPECT_EQ(value(move_catalog_aside(catalog)), aside);
    EXPECT_EQ(value(read_file(aside)), number);
    EXPECT_FALSE(fs::exists(catalog));
    EXPECT_FALSE(fs::exists(catalog + "-wal"));
  }
}

}  // namespace
}  // namespace lazymirror
