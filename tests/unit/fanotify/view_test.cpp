// SPDX-License-Identifier: Apache-2.0
#include "fanotify/view.h"

#include <gtest/gtest.h>

#include "support/mounts.h"
#include "support/skip.h"
#include "unit/fanotify/trapped_tree.h"

namespace lazymirror::fanotify {
namespace {

using testing::mount_at;
using testing::mounts_below;
using testing::SmallFs;
using testing::TempDir;

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

class ViewTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available(), "mounting needs root");
    static const bool is_private = testing::enter_private_mounts();
    LM_REQUIRE(is_private, "needs a mount namespace of its own");
    fs_.emplace(SmallFs::Kind::ext4, 64u << 20);
    places_.cache_directory = fs_->path() + "/cache";
    ASSERT_EQ(::mkdir(places_.cache_directory.c_str(), 0755), 0);
    ASSERT_EQ(::mkdir(data().c_str(), 0755), 0);
    std::ofstream(data() + "/file") << "text";
  }
  [[nodiscard]] std::string data() const { return places_.cache_directory + "/data"; }
  std::optional<SmallFs> fs_;
  ViewPlaces places_;
};

TEST_F(ViewTest, ShowsTheTreeReadOnlyAndClosedAtFirst) {
  auto view = View::show(places_);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(mode_of(data()), 0700u);
  view->open_door();
  EXPECT_EQ(mode_of(data()), 0755u);
  EXPECT_EQ(testing::slurp(data() + "/file"), "text");
  EXPECT_EQ(::mkdir((data() + "/new").c_str(), 0755), -1);
  EXPECT_EQ(errno, EROFS);
  const auto mount = mount_at(data());
  ASSERT_TRUE(mount);
  EXPECT_NE(mount->options.find("ro,nosuid,nodev"), std::string::npos) << mount->options;
}

TEST_F(ViewTest, HidesTheTreeAlsoWhileItIsInUse) {
  auto view = View::show(places_);
  ASSERT_TRUE(view);
  view->open_door();
  const UniqueFd used(::open((data() + "/file").c_str(), O_RDONLY | O_CLOEXEC));
  view->hide();
  EXPECT_FALSE(mount_at(data()));
  EXPECT_EQ(mode_of(data()), 0700u);
  char text[4];
  EXPECT_EQ(::pread(used.get(), text, 4, 0), 4) << "who has files open keeps them";
}

TEST_F(ViewTest, IsHiddenWithTheObject) {
  { auto view = View::show(places_); }
  EXPECT_FALSE(mount_at(data()));
}

TEST_F(ViewTest, SecondPlaceIsOfTheSameGroupAndNotOfTheCachesOwn) {
  const TempDir second;
  places_.shown_at = second.path();
  ASSERT_EQ(::mount(nullptr, fs_->path().c_str(), nullptr, MS_SHARED, nullptr), 0);
  auto view = View::show(places_);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->roots().size(), 2u);
  view->open_door();
  EXPECT_EQ(testing::slurp(second / "file"), "text");
  const auto table = read_mount_table();
  ASSERT_TRUE(table);
  std::uint64_t cache = 0, first = 0, other = 0;
  for (const MountLine& mount : *table) {
    if (mount.path == fs_->path()) cache = mount.peer_group;
    if (mount.path == data()) first = mount.peer_group;
    if (mount.path == second.path()) other = mount.peer_group;
  }
  EXPECT_NE(first, 0u);
  EXPECT_EQ(first, other);
  EXPECT_NE(first, cache);
  view->hide();
  EXPECT_TRUE(mounts_below(second.path()).empty());
}

TEST_F(ViewTest, RefusesPlacesThatCannotBe) {
  const std::string cache = places_.cache_directory;
  for (const std::string& place :
       {fs_->path() + "/none", data() + "/file", cache, data(), fs_->path(), std::string("/")}) {
    const auto view = View::show({cache, place});
    EXPECT_FALSE(view) << place;
    EXPECT_FALSE(mount_at(data()));
  }
}

TEST_F(ViewTest, RefusesAPlaceThatSomebodyElseMountedAt) {
  ASSERT_EQ(::mount("tmpfs", data().c_str(), "tmpfs", 0, nullptr), 0);
  const auto view = View::show(places_);
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code, Errc::busy);
  ASSERT_TRUE(View::clear_leftovers(places_));
  EXPECT_EQ(mount_at(data()).value().type, "tmpfs") << "not ours to take away";
}

TEST_F(ViewTest, LeftOversOfAKilledRunAreTakenAway) {
  const TempDir second;
  places_.shown_at = second.path();
  for (int run = 0; run < 2; ++run) {
    Walker killed([&] {
      auto view = View::show(places_);
      if (!view) return 1;
      view->open_door();
      ::kill(::getpid(), SIGKILL);
      return 2;
    });
    EXPECT_EQ(killed.wait(), 128 + SIGKILL);
    EXPECT_TRUE(mount_at(data()));
    EXPECT_TRUE(mount_at(second.path()));
    EXPECT_FALSE(View::show(places_)) << "not over another one";
    // The second place is found also when it is not named any more.
    const ViewPlaces known = run == 0 ? places_ : ViewPlaces{places_.cache_directory, {}};
    ASSERT_TRUE(View::clear_leftovers(known));
    EXPECT_FALSE(mount_at(data()));
    EXPECT_FALSE(mount_at(second.path()));
    EXPECT_EQ(mode_of(data()), 0700u);
  }
}

TEST_F(ViewTest, TrapsOfAKilledRunAreTakenAwayAndWalkersEnd) {
  ASSERT_EQ(::mkdir((data() + "/a").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((data() + "/a/b").c_str(), 0755), 0);
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  Walker keeper([&] {
    auto view = View::show(places_);
    auto traps = view ? Traps::create(std::move(view->roots()[0]), data()) : fail(view.error());
    if (!traps || !(*traps)->set(1, "a") || !(*traps)->set(2, "a/b")) return 1;
    view->open_door();
    if (::write(ready[1], "x", 1) != 1) return 2;
    pollfd walk{(*traps)->fd(), POLLIN, 0};
    if (::poll(&walk, 1, 20'000) != 1) return 3;
    ::kill(::getpid(), SIGKILL);
    return 4;
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  Walker walker([&] { return stat_errno(data() + "/a/file"); });
  EXPECT_EQ(keeper.wait(), 128 + SIGKILL);
  ASSERT_TRUE(View::clear_leftovers(places_));
  EXPECT_NE(walker.wait(), 0);
  EXPECT_TRUE(mounts_below(data()).empty());
}

TEST_F(ViewTest, NothingToClearIsNoError) {
  ASSERT_TRUE(View::clear_leftovers(places_));
  EXPECT_EQ(mode_of(data()), 0700u);
}

}  // namespace
}  // namespace lazymirror::fanotify
