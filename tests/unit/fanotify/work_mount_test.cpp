// SPDX-License-Identifier: Apache-2.0
#include "fanotify/work_mount.h"

#include <gtest/gtest.h>

#include "fanotify/group.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "unit/fanotify/trapped_tree.h"

namespace lazymirror::fanotify {
namespace {

using testing::SmallFs;

TEST(WorkMountTest, WorkerReplacesAndRemovesDirectoriesThatCarryATrap) {
  LM_REQUIRE(SmallFs::available(), "mounting needs root");
  LM_REQUIRE(testing::enter_private_mounts(), "needs a mount namespace of its own");
  ::setpgid(0, 0);
  const SmallFs fs(SmallFs::Kind::ext4, 64u << 20);
  // As on an ordinary system, where mounts are propagated to other namespaces.
  ASSERT_EQ(::mount(nullptr, fs.path().c_str(), nullptr, MS_SHARED, nullptr), 0);
  for (const char* name : {"/data", "/data/a", "/data/b"}) {
    ASSERT_EQ(::mkdir((fs.path() + name).c_str(), 0755), 0);
  }
  auto group = Group::create(EventMode::access_perm);
  ASSERT_TRUE(group) << group.error().message;
  auto mount = WorkMount::create(fs.path(), *group, {65534, 65534});
  ASSERT_TRUE(mount) << mount.error().message;
  auto view = View::show({fs.path(), {}});
  ASSERT_TRUE(view) << view.error().message;
  view->open_door();
  auto traps = Traps::create(std::move(view->roots()[0]), view->path());
  LM_REQUIRE(traps, traps.error().message);
  ASSERT_TRUE((*traps)->set(1, "a"));
  ASSERT_TRUE((*traps)->set(2, "b"));
  Walker worker([&] {
    if (!mount->enter() || ::setresgid(65534, 65534, 65534) != 0 ||
        ::setresuid(65534, 65534, 65534) != 0) {
      return EPERM;
    }
    if (::rmdir((view->path() + "/a").c_str()) != 0) return errno;
    return ::rename((view->path() + "/b").c_str(), (view->path() + "/c").c_str()) == 0 ? 0 : errno;
  });
  EXPECT_EQ(worker.wait(), 0);
  EXPECT_EQ(stat_errno(view->path() + "/a"), ENOENT);
  EXPECT_EQ(stat_errno(view->path() + "/c"), 0);
  EXPECT_TRUE((*traps)->release(1, ESTALE));
  EXPECT_TRUE((*traps)->release(2, ESTALE));
}

}  // namespace
}  // namespace lazymirror::fanotify
