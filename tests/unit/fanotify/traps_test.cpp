// SPDX-License-Identifier: Apache-2.0
#include "fanotify/traps.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "unit/fanotify/trapped_tree.h"

namespace lazymirror::fanotify {
namespace {

using std::chrono::seconds;
using testing::mounts_below;
using testing::SmallFs;
using testing::TempDir;

SteadyTime later() { return std::chrono::steady_clock::now() + seconds(60); }

class TrapsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available(), "mounting needs root");
    LM_REQUIRE(::access("/dev/autofs", F_OK) == 0, "the kernel has no autofs");
    static const bool is_private = testing::enter_private_mounts();
    LM_REQUIRE(is_private, "needs a mount namespace of its own");
  }
  static std::size_t mounts(const TrappedTree& tree) { return mounts_below(tree.path()).size(); }
};

TEST_F(TrapsTest, WalkGoesOnInTheDirectoryBelow) {
  TrappedTree tree;
  tree.trap("a", 0);
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / "a/file", "a/file"); })), 0);
  EXPECT_EQ(tree.caught(), 1);
  EXPECT_EQ(tree.traps().count(), 0u);
  EXPECT_EQ(mounts(tree), 1u) << "only the view";
}

TEST_F(TrapsTest, AbsentNameIsAbsentAfterTheWalk) {
  TrappedTree tree;
  tree.trap("a", 0);
  EXPECT_EQ(tree.serve(Walker([&] { return stat_errno(tree / "a/none"); })), ENOENT);
  EXPECT_EQ(tree.caught(), 1);
}

TEST_F(TrapsTest, StatShowsTheDirectorysOwnAttributesAndIsNotCaught) {
  TrappedTree tree;
  tree.make_directory("a");
  const timespec times[2] = {{1'500'000'000, 0}, {1'600'000'000, 5}};
  ASSERT_EQ(::utimensat(AT_FDCWD, tree.below("a").c_str(), times, 0), 0);
  ASSERT_EQ(::chown(tree.below("a").c_str(), 12, 34), 0);
  ASSERT_EQ(::chmod(tree.below("a").c_str(), 0751), 0);
  ASSERT_TRUE(tree.traps().set(7, "a"));
  struct stat info {};
  ASSERT_EQ(::stat((tree / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFDIR | 0751u);
  EXPECT_EQ(info.st_uid, 12u);
  EXPECT_EQ(info.st_gid, 34u);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'600'000'000);
  EXPECT_EQ(info.st_mtim.tv_nsec, 5);
  EXPECT_EQ(tree.serve(Walker([&] { return stat_errno(tree / "a"); })), 0);
  EXPECT_EQ(tree.caught(), 0);
}

TEST_F(TrapsTest, SeveralUnpopulatedLevelsInOnePath) {
  TrappedTree tree;
  tree.trap("a", 5);
  const std::string deep = "a/d/d/d/d/d/file";
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / deep, deep); })), 0);
  EXPECT_EQ(tree.caught(), 6);
  tree.traps().tidy(later());
  EXPECT_EQ(mounts(tree), 1u);
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / deep, deep); })), 0);
  EXPECT_EQ(tree.caught(), 6);
}

// The second trap is come to as late as by a walker that had no processor.
TEST_F(TrapsTest, AWalkerMayTakeItsTimeFromOneTrapToTheNext) {
  const auto clock = std::make_shared<testing::ManualClock>();
  TrappedTree tree(SmallFs::Kind::ext4, {}, clock);
  tree.trap("a", 1);
  Walker walker([&] { return read_errno(tree / "a/d/file", "a/d/file"); });
  for (int trap = 0; trap < 2; ++trap) {
    const auto caught = tree.wait_for_walk();
    ASSERT_TRUE(caught);
    tree.let_on(*caught);
    clock->advance(Duration(9'000));
  }
  EXPECT_EQ(walker.wait(), 0) << "sent back twice it would get ESTALE";
}

TEST_F(TrapsTest, ManyWalkersOfOneTrapAreToldOnce) {
  TrappedTree tree;
  tree.trap("a", 0);
  std::vector<Walker> walkers;
  for (int i = 0; i < 30; ++i) {
    walkers.emplace_back([&] { return read_errno(tree / "a/file", "a/file"); });
  }
  EXPECT_EQ(tree.serve(walkers), std::vector<int>(30, 0));
  EXPECT_EQ(tree.caught(), 1);
}

TEST_F(TrapsTest, ManyWalkersThroughManyLevels) {
  TrappedTree tree;
  tree.trap("a", 4);
  tree.trap("b", 4);
  std::vector<Walker> walkers;
  std::string deep = "/file";
  for (int level = 0; level <= 4; ++level) {
    for (const std::string top : {"a", "b"}) {
      const std::string name = top + deep;
      for (int i = 0; i < 8; ++i) {
        walkers.emplace_back([&tree, name] { return read_errno(tree / name, name); });
      }
    }
    deep = "/d" + deep;
  }
  EXPECT_EQ(tree.serve(walkers), std::vector<int>(80, 0));
}

TEST_F(TrapsTest, TrapsBelowOutliveWhatIsTidiedAway) {
  TrappedTree tree;
  tree.trap("a", 3);
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / "a/d/file", "a/d/file"); })), 0);
  tree.traps().tidy(later());
  EXPECT_EQ(tree.traps().count(), 1u);
  EXPECT_EQ(mounts(tree), 2u) << "the view and the trap at a/d/d";
  const std::string deep = "a/d/d/d/file";
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / deep, deep); })), 0);
  EXPECT_EQ(tree.caught(), 4);
}

TEST_F(TrapsTest, WorkingDirectoryIsNotTakenAway) {
  TrappedTree tree;
  tree.trap("a", 2);
  int ends[2], entered[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(entered, O_CLOEXEC), 0);
  std::vector<Walker> walkers;
  walkers.emplace_back([&] {
    char byte = 0;
    if (::chdir((tree / "a/d/d").c_str()) != 0) return errno;
    if (::write(entered[1], "x", 1) != 1 || ::read(ends[0], &byte, 1) != 1) return EPIPE;
    char path[4096];
    if (::getcwd(path, sizeof path) == nullptr || path != tree / "a/d/d") return EXDEV;
    return read_errno("../file", "a/d/file");
  });
  ASSERT_TRUE(tree.serve_until(entered[0]));
  const std::size_t before = mounts(tree);
  tree.traps().tidy(later());
  EXPECT_EQ(mounts(tree), before);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(tree.serve(walkers), std::vector<int>{0});
  tree.traps().tidy(later());
  EXPECT_EQ(mounts(tree), 1u);
}

TEST_F(TrapsTest, KilledWalkersAreHarmless) {
  TrappedTree tree;
  tree.trap("a", 1);
  {
    Walker first([&] { return stat_errno(tree / "a/file"); });
    ASSERT_TRUE(tree.wait_for_walk());
    first.kill();
    EXPECT_EQ(first.wait(), 128 + SIGKILL);
  }
  Walker second([&] { return read_errno(tree / "a/d/file", "a/d/file"); });
  tree.populate(1);
  ASSERT_TRUE(tree.traps().release(1, 0));
  EXPECT_EQ(tree.serve(std::move(second)), 0);
}

TEST_F(TrapsTest, ErrorReachesTheWalkerAndTheTrapStays) {
  TrappedTree tree;
  tree.trap("a", 0);
  for (const int error : {EIO, ETIMEDOUT, EACCES}) {
    Walker walker([&] { return stat_errno(tree / "a/file"); });
    const auto caught = tree.wait_for_walk();
    ASSERT_TRUE(caught);
    EXPECT_EQ(caught->pid, walker.pid());
    ASSERT_TRUE(tree.traps().release(caught->key, error));
    EXPECT_EQ(walker.wait(), error);
    EXPECT_TRUE(tree.traps().has(caught->key));
  }
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / "a/file", "a/file"); })), 0);
}

TEST_F(TrapsTest, TrapOfADirectoryThatIsGoneGoes) {
  TrappedTree tree;
  tree.trap("a", 0);
  Walker walker([&] { return stat_errno(tree / "a/file"); });
  ASSERT_TRUE(tree.wait_for_walk());
  ASSERT_TRUE(tree.traps().release(1, ESTALE));
  EXPECT_EQ(walker.wait(), ENOENT) << "walked again, and there is nothing";
  EXPECT_FALSE(tree.traps().has(1));
  EXPECT_EQ(mounts(tree), 1u);
}

TEST_F(TrapsTest, ReleasedBeforeAnybodyCame) {
  TrappedTree tree;
  tree.trap("a", 0);
  tree.populate(1);
  ASSERT_TRUE(tree.traps().release(1, 0));
  ASSERT_TRUE(tree.traps().release(1, 0)) << "no error when there is none";
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / "a/file", "a/file"); })), 0);
  EXPECT_EQ(tree.caught(), 0);
}

TEST_F(TrapsTest, RefusesWhatIsNoPathOfPlainNames) {
  TrappedTree tree;
  tree.make_directory("a");
  tree.make_directory("a/b");
  tree.make_file("file");
  ASSERT_EQ(::symlink("a", tree.below("link").c_str()), 0);
  const std::string with_nul("a\0b", 3);
  for (const std::string& path :
       {std::string(), std::string("."), std::string(".."), std::string("a//b"), std::string("/a"),
        std::string("a/"), std::string("a/../a"), std::string("link"), std::string("link/b"),
        std::string("file"), with_nul, std::string(300, 'n')}) {
    const auto done = tree.traps().set(1, path);
    ASSERT_FALSE(done) << path;
    EXPECT_EQ(done.error().code, Errc::invalid) << path;
  }
  EXPECT_EQ(tree.traps().set(1, "none").error().code, Errc::not_found);
  EXPECT_EQ(mounts(tree), 1u);
}

TEST_F(TrapsTest, OneTrapAtOnePlace) {
  TrappedTree tree;
  tree.make_directory("a");
  ASSERT_TRUE(tree.traps().set(1, "a"));
  EXPECT_EQ(tree.traps().set(1, "a").error().code, Errc::busy);
  EXPECT_EQ(tree.traps().set(2, "a").error().code, Errc::busy);
  ASSERT_TRUE(tree.traps().release(1, 0));
  EXPECT_TRUE(tree.traps().set(2, "a")) << "the directory is unpopulated again";
  EXPECT_EQ(tree.traps().count(), 1u);
}

TEST_F(TrapsTest, SetAgainWhereADirectoryIsStillBound) {
  TrappedTree tree;
  tree.trap("a", 1);
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / "a/d/file", "a/d/file"); })), 0);
  ASSERT_TRUE(tree.traps().set(77, "a/d"));
  Walker walker([&] { return read_errno(tree / "a/d/file", "a/d/file"); });
  const auto caught = tree.wait_for_walk();
  ASSERT_TRUE(caught);
  EXPECT_EQ(caught->key, 77u);
  ASSERT_TRUE(tree.traps().release(77, 0));
  EXPECT_EQ(walker.wait(), 0);
}

TEST_F(TrapsTest, ClearEndsWaitsAndLeavesNothingMounted) {
  TrappedTree tree;
  tree.trap("a", 2);
  tree.trap("b", 0);
  EXPECT_EQ(tree.serve(Walker([&] { return stat_errno(tree / "a/d/file"); })), 0);
  Walker walker([&] { return stat_errno(tree / "b/file"); });
  ASSERT_TRUE(tree.wait_for_walk());
  tree.traps().clear(EIO);
  EXPECT_EQ(walker.wait(), EIO);
  EXPECT_EQ(mounts(tree), 1u);
  EXPECT_EQ(tree.traps().count(), 0u);
}

TEST_F(TrapsTest, SeenAtBothPlacesOfTheView) {
  const TempDir second;
  TrappedTree tree(SmallFs::Kind::ext4, second.path());
  tree.trap("a", 3);
  tree.trap("b", 3);
  std::vector<Walker> walkers;
  for (const std::string& root : {tree.path(), second.path()}) {
    for (const std::string name : {"a/d/d/file", "b/d/d/file", "b/file"}) {
      walkers.emplace_back([root, name] { return read_errno(root + '/' + name, name); });
    }
  }
  EXPECT_EQ(tree.serve(walkers), std::vector<int>(6, 0));
  tree.traps().tidy(later());
  EXPECT_EQ(mounts(tree), 3u) << "the view and the traps of the last level";
  EXPECT_EQ(mounts_below(second.path()).size(), 3u);
}

// What a process in a mount namespace of its own sees.
class NamespaceTest : public TrapsTest, public ::testing::WithParamInterface<unsigned long> {};

TEST_P(NamespaceTest, TakesPartIfItsMountsArePropagated) {
  TrappedTree tree;
  tree.trap("a", 3);
  int ends[2], entered[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(entered, O_CLOEXEC), 0);
  std::vector<Walker> walkers;
  walkers.emplace_back([&] {
    char byte = 0;
    if (::unshare(CLONE_NEWNS) != 0) return errno;
    if (GetParam() != 0 && ::mount(nullptr, "/", nullptr, MS_REC | GetParam(), nullptr) != 0) {
      return errno;
    }
    if (::write(entered[1], "x", 1) != 1 || ::read(ends[0], &byte, 1) != 1) return EPIPE;
    // One trap was there before, the other one came later.
    if (const int error = read_errno(tree / "b/d/file", "b/d/file"); error != 0) return error;
    return read_errno(tree / "a/d/d/file", "a/d/d/file");
  });
  ASSERT_TRUE(tree.serve_until(entered[0]));
  tree.trap("b", 1);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(tree.serve(walkers), std::vector<int>{0});
  EXPECT_EQ(tree.caught(), 5);
  tree.traps().tidy(later());
  EXPECT_EQ(mounts(tree), 2u);
}

INSTANTIATE_TEST_SUITE_P(Propagation, NamespaceTest,
                         ::testing::Values(0ul, static_cast<unsigned long>(MS_SLAVE)));

// A namespace that took its mounts out of the group keeps the traps it had for
// ever, and gets none of the later ones: both fail, neither shows wrong names
// of populated directories.
TEST_F(TrapsTest, PrivateNamespaceKeepsTheTrapsItHad) {
  TrappedTree tree;
  tree.trap("a", 0);
  int ends[2], entered[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(entered, O_CLOEXEC), 0);
  std::vector<Walker> walkers;
  walkers.emplace_back([&] {
    char byte = 0;
    if (::unshare(CLONE_NEWNS) != 0) return errno;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno;
    if (::write(entered[1], "x", 1) != 1 || ::read(ends[0], &byte, 1) != 1) return EPIPE;
    return stat_errno(tree / "a/file");
  });
  ASSERT_TRUE(tree.serve_until(entered[0]));
  EXPECT_EQ(tree.serve(Walker([&] { return read_errno(tree / "a/file", "a/file"); })), 0);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(tree.serve(walkers), std::vector<int>{ESTALE});
}

}  // namespace
}  // namespace lazymirror::fanotify
