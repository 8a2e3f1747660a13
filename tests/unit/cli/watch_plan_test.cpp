// SPDX-License-Identifier: Apache-2.0
#include "cli/watch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror::cli {
namespace {

using testing::HasSubstr;

Options options() {
  Options o;
  o.url = "http://me:secret@h/pub";
  o.cache_location = "/c";
  return o;
}

WatchPlan plan(const Options& o) {
  Surroundings root;
  root.root = true;
  return plan_watch(o, root).value();
}

TEST(WatchPlanTest, TheCacheIsInPlace) {
  const WatchPlan p = plan(options());
  EXPECT_TRUE(p.cache.in_place);
  EXPECT_EQ(p.cache.directory, "/c");
  EXPECT_EQ(p.watch.cache_directory, "/c");
  EXPECT_EQ(p.cache.url, "http://h/pub/");
}

TEST(WatchPlanTest, WithoutACacheEachUrlHasItsOwn) {
  Options o = options();
  o.cache_location = "";
  EXPECT_THAT(plan(o).watch.cache_directory, testing::StartsWith("/var/cache/lazymirror/h_pub-"));
}

TEST(WatchPlanTest, FilesAreNoProgramsUnlessAskedFor) {
  Options o = options();
  EXPECT_EQ(plan(o).cache.file_mode, 0444u);
  o.mount_options = {"exec"};
  EXPECT_EQ(plan(o).cache.file_mode, 0555u);
  o.mount_options = {"exec", "noexec"};
  EXPECT_EQ(plan(o).cache.file_mode, 0444u);
}

TEST(WatchPlanTest, OptionsReachTheWatch) {
  Options o = options();
  o.shown_at = "/d";
  o.events = "access-perm";
  o.fill_on = "open";
  o.fill_on_open_limit = 3;
  o.shared_filesystem = true;
  o.max_traps = 7;
  o.timeout = Duration(5);
  const fanotify::WatchOptions w = plan(o).watch;
  EXPECT_EQ(w.shown_at, "/d");
  EXPECT_EQ(w.events, fanotify::EventChoice::access_perm);
  EXPECT_TRUE(w.fill_on_open);
  EXPECT_EQ(w.fill_on_open_limit, 3u);
  EXPECT_TRUE(w.shared_filesystem);
  EXPECT_EQ(w.max_traps, 7u);
  EXPECT_EQ(w.timeout, Duration(5));
}

TEST(WatchPlanTest, EventsAreChosenByName) {
  Options o = options();
  EXPECT_EQ(plan(o).watch.events, fanotify::EventChoice::automatic);
  o.events = "pre-access";
  EXPECT_EQ(plan(o).watch.events, fanotify::EventChoice::pre_access);
}

TEST(WatchPlanTest, SecretsReachTheOriginOnly) {
  const WatchPlan p = plan(options());
  EXPECT_EQ(p.origin.password, "secret");
  EXPECT_EQ(p.watch.source, "http://h/pub/");
  EXPECT_EQ(explain({Errc::io, "why", 0}, p).message, "cannot show http://h/pub/ in /c: why");
}

}  // namespace
}  // namespace lazymirror::cli
