// SPDX-License-Identifier: Apache-2.0
#include "cli/watched_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

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
    return find_watched(work_ / path, cache.empty() ? cache : work_ / cache, known());
  }
  // A mount of FUSE, and the cache that it is registered with.
  void mount(const std::string& place, const std::string& cache) {
    const std::string device = "0:" + std::to_string(40 + mounts_.size());
    mounts_.push_back({device, "/", work_ / place, "fuse.lazymirror", "http://h/"});
    if (!cache.empty()) registered_[device] = work_ / cache;
  }
  [[nodiscard]] Mounts known() const {
    return {mounts_, [this](const MountLine& line) {
              const auto entry = registered_.find(line.device);
              return entry == registered_.end() ? std::string() : entry->second;
            }};
  }
  std::string walked(const std::string& path) {
    const auto end = path_of_tree(path, known());
    return end ? *end : end.error().message;
  }
  std::string found(const std::string& path) {
    const auto watched = find(path);
    return watched ? watched->cache + " " + watched->path : watched.error().message;
  }

  TempDir work_;
  std::string cache_ = work_ / "cache";
  std::map<std::string, std::string> registered_;
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
    EXPECT_EQ(find_cache(work_ / place, known()).value(), cache_) << place;
  }
}

TEST_F(WatchedTreeTest, StopFindsACacheOfWhichNothingIsMountedAnyMore) {
  EXPECT_EQ(find_cache(cache_, known()).value(), cache_);
  EXPECT_EQ(find_cache(cache_ + "/data", known()).value(), cache_);
}

TEST_F(WatchedTreeTest, StopOfAPartNamesTheWhole) {
  bind("/x/cache/data", "cache/data");
  const auto part = find_cache(work_ / "cache/data/a", known());
  ASSERT_FALSE(part);
  EXPECT_THAT(part.error().message, HasSubstr("give its cache, " + cache_));
}

TEST_F(WatchedTreeTest, StopOfAMountFindsItsCache) {
  mount("mnt", "cache");
  EXPECT_EQ(find_cache(work_ / "mnt", known()).value(), cache_);
  const auto part = find_cache(work_ / "mnt/a", known());
  ASSERT_FALSE(part);
  EXPECT_THAT(part.error().message, HasSubstr("give its mount point, " + work_ / "mnt"));
}

TEST_F(WatchedTreeTest, APathBelowAMountIsFound) {
  mount("mnt", "cache");
  EXPECT_EQ(found("mnt/a/b"), cache_ + " a/b");
  EXPECT_EQ(found("mnt"), cache_ + " ");
  EXPECT_TRUE(find("mnt").value().is_mount);
  EXPECT_TRUE(find("mnt/a", "cache"));
}

TEST_F(WatchedTreeTest, AMountThatNobodyRegisteredIsSaidToBe) {
  mount("mnt", "");
  EXPECT_THAT(found("mnt/a"), HasSubstr("not known which cache the mount " + work_ / "mnt"));
}

TEST_F(WatchedTreeTest, OfMountsAtOnePlaceTheLastOneCounts) {
  make_cache("other");
  mount("mnt", "cache");
  mount("mnt", "other");
  EXPECT_EQ(found("mnt/a"), work_ / "other" + " a");
  EXPECT_EQ(find_cache(work_ / "mnt", known()).value(), work_ / "other");
}

TEST_F(WatchedTreeTest, AWalkFollowsLinksAndStopsAtTheTree) {
  mount("mnt", "cache");  // nothing is there, so any look into it would fail
  work_.make_dir("far/away");
  ASSERT_EQ(::symlink("../../mnt", (work_ / "far/away/link").c_str()), 0);
  ASSERT_EQ(::symlink((work_ / "mnt/a").c_str(), (work_ / "into").c_str()), 0);
  EXPECT_EQ(walked(work_ / "far/away/link/a/b"), work_ / "mnt/a/b");
  EXPECT_EQ(walked(work_ / "into/./b/../c//d/"), work_ / "mnt/a/c/d");
  EXPECT_EQ(walked(work_ / "mnt/a/../../far"), work_ / "far");
  EXPECT_EQ(walked(work_ / "far/away/.."), work_ / "far");
  EXPECT_EQ(walked("/.."), "/");
}

TEST_F(WatchedTreeTest, AWalkOutsideATreeSaysWhatIsNotThere) {
  ASSERT_EQ(::symlink("loop", (work_ / "loop").c_str()), 0);
  EXPECT_THAT(walked(work_ / "none/a"), HasSubstr("No such file"));
  EXPECT_THAT(walked(work_ / "loop/a"), HasSubstr("symbolic links"));
}

TEST_F(WatchedTreeTest, EachTreeIsListedOnce) {
  make_cache("other");
  bind("/x/cache/data", "cache/data");
  bind("/x/cache/data", "shown");
  mount("mnt", "other");
  mount("unknown", "");
  const auto trees = all_trees(known());
  ASSERT_EQ(trees.size(), 2u);
  EXPECT_EQ(trees[0].cache, cache_);
  EXPECT_EQ(trees[0].shown, cache_ + "/data");
  EXPECT_EQ(trees[1].cache, work_ / "other");
}

TEST_F(WatchedTreeTest, StopOfAnythingElseIsRefused) {
  const auto other = find_cache(work_.path(), known());
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("neither a cache nor"));
}

}  // namespace
}  // namespace lazymirror::testing
