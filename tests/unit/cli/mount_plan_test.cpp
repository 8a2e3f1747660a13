// SPDX-License-Identifier: Apache-2.0
#include "cli/mount_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Options options() {
  Options o;
  o.url = "http://h/pub";
  o.mountpoint = "/mnt/pub";
  o.cache_location = "/c";
  return o;
}

Surroundings user() {
  Surroundings root;
  root.root = true;
  return root;
}

MountPlan plan(const Options& o) { return plan_mount(o, user()).value(); }

TEST(MountPlanTest, EveryRoomGetsTheUrlAsADirectory) {
  const MountPlan p = plan(options());
  EXPECT_EQ(p.origin.base.str(), "http://h/pub/");
  EXPECT_EQ(p.engine.url.str(), "http://h/pub/");
  EXPECT_EQ(p.cache.url, "http://h/pub/");
  EXPECT_EQ(p.mount.source, "http://h/pub/");
}

TEST(MountPlanTest, TheQuotaReachesTheEngine) {
  Options o = options();
  EXPECT_FALSE(plan(o).engine.storage.cache_size) << "the cache settles it";
  EXPECT_EQ(plan(o).engine.storage.min_free_percent, 5);
  o.cache_size = std::uint64_t{50} << 30;
  o.min_free_space = "2G";
  EXPECT_EQ(plan(o).engine.storage.cache_size, std::uint64_t{50} << 30);
  EXPECT_EQ(plan(o).engine.storage.min_free_bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(plan(o).engine.storage.min_free_percent, 0);
}

TEST(MountPlanTest, AGivenCacheIsTheCacheItself) {
  EXPECT_EQ(plan(options()).cache.directory, "/c");
}

TEST(MountPlanTest, WithoutOneEachUrlHasItsOwn) {
  Options o = options();
  o.cache_location = "";
  EXPECT_THAT(plan(o).cache.directory, testing::StartsWith("/var/cache/lazymirror/h_pub-"));
}

TEST(MountPlanTest, AMountPointOverTheDefaultCacheIsRefused) {
  Options o = options();
  o.cache_location = "";
  o.mountpoint = "/var/cache";
  EXPECT_FALSE(plan_mount(o, user()));
}

TEST(MountPlanTest, CredentialsOfTheUrlReachTheOriginOnly) {
  Options o = options();
  o.url = "http://me:secret@h/pub";
  const MountPlan p = plan(o);
  EXPECT_EQ(p.origin.username, "me");
  EXPECT_EQ(p.origin.password, "secret");
  EXPECT_THAT(p.cache.url, Not(HasSubstr("secret")));
  EXPECT_THAT(p.mount.source, Not(HasSubstr("secret")));
}

TEST(MountPlanTest, OptionsReachTheirRooms) {
  Options o = options();
  o.io = "cached";
  o.ttl = Duration(1);
  o.timeout = Duration(2);
  o.connections = 3;
  o.look_ahead = "off";
  o.retries = 5;
  o.connect_timeout = Duration(6);
  o.low_speed_time = Duration(7);
  o.headers = {"A: 1"};
  o.mount_options = {"allow_other"};
  o.ca_file = "/ca";
  o.proxy_ca_path = "/pcas";
  const MountPlan p = plan(o);
  EXPECT_EQ(p.mount.io, fuse::IoMode::cached);
  EXPECT_EQ(p.mount.attribute_ttl, Duration(1));
  EXPECT_EQ(p.engine.ttl, Duration(1));
  EXPECT_EQ(p.mount.timeout, Duration(2));
  EXPECT_EQ(p.engine.timeout, Duration(2));
  EXPECT_EQ(p.start_timeout, Duration(2));
  EXPECT_EQ(p.origin.connections, 3u);
  EXPECT_FALSE(p.engine.look_ahead);
  EXPECT_EQ(p.origin.retries, 5u);
  EXPECT_EQ(p.origin.connect_timeout, Duration(6));
  EXPECT_EQ(p.origin.low_speed_time, Duration(7));
  EXPECT_EQ(p.origin.headers, o.headers);
  EXPECT_EQ(p.mount.fuse_options, o.mount_options);
  EXPECT_EQ(p.origin.ca_file, "/ca");
  EXPECT_EQ(p.origin.proxy_ca_path, "/pcas");
  EXPECT_THAT(p.origin.user_agent, testing::StartsWith("lazymirror/"));
}

TEST(ExplainTest, SaysWhatOnWhatWhyAndWhatToDo) {
  const Error error =
      explain(MountStep::mount, {Errc::unsupported, "no passthrough", 0}, plan(options()));
  EXPECT_EQ(error.message,
            "cannot mount http://h/pub/ on /mnt/pub: no passthrough; leave out --io=passthrough");
  EXPECT_EQ(error.code, Errc::unsupported);
}

TEST(ExplainTest, LeavesTheRemedyToTheRoomThatKnowsIt) {
  const Error error =
      explain(MountStep::engine, {Errc::busy, "in use; stop it", 0}, plan(options()));
  EXPECT_THAT(error.message, testing::EndsWith(": in use; stop it"));
}

TEST(ExplainTest, NeverRepeatsAPassword) {
  Options o = options();
  o.url = "http://me:secret@h/";
  for (const MountStep step : {MountStep::engine, MountStep::mount}) {
    EXPECT_THAT(explain(step, {Errc::io, "why", 0}, plan(o)).message, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace lazymirror::cli
