// SPDX-License-Identifier: Apache-2.0
#include "cli/watched_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

using namespace cli;
using ::testing::AllOf;
using ::testing::HasSubstr;

class WatchedTreeTest : public ::testing::Test {
 protected:
  WatchedTreeTest() { make_cache("cache"); }

  void make_cache(const std::string& name) {
    work_.make_dir(name + "/data");
    work_.make_dir(name + "/meta");
    work_.write(name + "/lock", "");
    work_.write(name + "/CACHEDIR.TAG", "");
  }
  // A directory of the test's file system, bound to a place.
  void bind(const std::string& root, const std::string& place) {
    mounts_.push_back({"8:1", root, work_ / place, "ext4", "/dev/sda1"});
  }
  Result<WatchedPath> find(const std::string& path, const std::string& cache = "") {
    return find_watched(work_ / path, cache.empty() ? cache : work_ / cache, mounts_);
  }
  std::string found(const std::string& path) {
    const auto watched = find(path);
    return watched ? watched->cache + " " + watched->path : watched.error().message;
  }

  TempDir work_;
  std::string cache_ = work_ / "cache";
  std::vector<MountLine> mounts_ = {{"8:1", "/", "/", "ext4", "/dev/sda1"}};
};

TEST_F(WatchedTreeTest, APathBelowTheDataOfACacheIsFound) {
  bind("/x/cache/data", "cache/data");
  EXPECT_EQ(found("cache/data/a/b"), cache_ + " a/b");
  EXPECT_EQ(found("cache/data"), cache_ + " ");
}

TEST_F(WatchedTreeTest, APathWhereTheCacheIsShownIsFound) {
  bind("/x/cache/data", "cache/data");
  bind("/x/cache/data", "shown");
  EXPECT_EQ(found("shown/a/b"), cache_ + " a/b");
}

TEST_F(WatchedTreeTest, MountsWithinTheTreeAreSteppedOver) {
  bind("/x/cache/data", "cache/data");
  mounts_.push_back({"0:40", "/", work_ / "cache/data/a", "autofs", "lazymirror"});
  bind("/x/cache/data/a", "cache/data/a");
  EXPECT_EQ(found("cache/data/a/b"), cache_ + " a/b");
}

TEST_F(WatchedTreeTest, CachesOfOneDeviceAreToldApart) {
  make_cache("other");
  bind("/x/cache/data", "cache/data");
  bind("/x/other/data", "other/data");
  bind("/x/other/data", "shown");
  EXPECT_EQ(found("shown/a"), work_ / "other" + " a");
}

TEST_F(WatchedTreeTest, NeighboursAreNotTakenForParts) {
  bind("/x/cache/data", "cache/data");
  EXPECT_THAT(found("cache/data2/a"), HasSubstr("nothing watches the cache"));
}

TEST_F(WatchedTreeTest, ACacheThatNobodyWatchesIsNamedWithTheRemedy) {
  EXPECT_THAT(found("cache/data/a"), AllOf(HasSubstr("nothing watches the cache " + cache_ + ":"),
                                           HasSubstr("lazymirror watch URL " + cache_)));
}

TEST_F(WatchedTreeTest, APathOutsideAnyCacheIsSaidToBe) {
  EXPECT_THAT(found("elsewhere/a"),
              AllOf(HasSubstr("is not below a watched tree"), HasSubstr("--cache-location")));
}

TEST_F(WatchedTreeTest, AGivenCacheMustBeTheOneShown) {
  make_cache("other");
  bind("/x/cache/data", "cache/data");
  EXPECT_EQ(find("cache/data/a", "cache").value().path, "a");
  EXPECT_FALSE(find("cache/data/a", "other"));
}

TEST_F(WatchedTreeTest, StopFindsTheCacheByEachOfItsPlaces) {
  bind("/x/cache/data", "cache/data");
  bind("/x/cache/data", "shown");
  for (const char* place : {"cache", "cache/data", "shown"}) {
    EXPECT_EQ(find_cache(work_ / place, mounts_).value(), cache_) << place;
  }
}

TEST_F(WatchedTreeTest, StopFindsACacheOfWhichNothingIsMountedAnyMore) {
  EXPECT_EQ(find_cache(cache_, mounts_).value(), cache_);
  EXPECT_EQ(find_cache(cache_ + "/data", mounts_).value(), cache_);
}

TEST_F(WatchedTreeTest, StopOfAPartNamesTheWhole) {
  bind("/x/cache/data", "cache/data");
  const auto part = find_cache(work_ / "cache/data/a", mounts_);
  ASSERT_FALSE(part);
  EXPECT_THAT(part.error().message, HasSubstr("give its cache, " + cache_));
}

TEST_F(WatchedTreeTest, StopOfAMountNamesUmount) {
  mounts_.push_back({"0:40", "/", work_ / "mnt", "fuse.lazymirror", "http://h/"});
  const auto mount = find_cache(work_ / "mnt", mounts_);
  ASSERT_FALSE(mount);
  EXPECT_THAT(mount.error().message, HasSubstr("umount " + work_ / "mnt"));
}

TEST_F(WatchedTreeTest, StopOfAnythingElseIsRefused) {
  const auto other = find_cache(work_.path(), mounts_);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("neither a cache nor"));
}

}  // namespace
}  // namespace lazymirror::testing
