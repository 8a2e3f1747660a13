// SPDX-License-Identifier: Apache-2.0
#include "config/mount_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/option_table.h"

namespace lazymirror {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(MountOptionsTest, SplitsAtCommasThatAreNotEscaped) {
  EXPECT_THAT(split_mount_options("a,b=c"), ElementsAre("a", "b=c"));
  EXPECT_THAT(split_mount_options(R"(a\,b,c\\,d\e)"), ElementsAre("a,b", "c\\", "d\\e"));
  EXPECT_THAT(split_mount_options("a,,b,"), ElementsAre("a", "", "b", ""));
}

TEST(MountOptionsTest, AnFstabLineWorks) {
  Options options;
  ASSERT_TRUE(apply_mount_options(
      "ro,nofail,_netdev,noauto,user,x-systemd.automount,x-systemd.requires=a,defaults,dev,suid,"
      "cache_location=/var/cache/x,netrc,allow_other,uid=1000",
      Command::mount, options));
  EXPECT_EQ(options.cache_location, "/var/cache/x");
  EXPECT_TRUE(options.netrc);
  EXPECT_THAT(options.mount_options, ElementsAre("ro", "allow_other", "uid=1000"));
}

TEST(MountOptionsTest, WordsThatMountAddsOnItsOwnAreNoMistake) {
  // mount.fuse3(8) as root, for a line of fstab that says only "defaults".
  Options options;
  ASSERT_TRUE(apply_mount_options("rw,dev,suid", Command::mount, options));
  EXPECT_THAT(options.mount_options, IsEmpty());
}

TEST(MountOptionsTest, EveryOptionOfTheTableCanBeWrittenWithDashesAndUnderscores) {
  for (const OptionSpec& option : option_table()) {
    if (option.is(OptionSpec::kCommandLine) || option.is(OptionSpec::kFile)) continue;
    const bool for_mount = includes(option.commands, Command::mount);
    const Command command = for_mount ? Command::mount : Command::watch;
    std::string name(option.name);
    for (const char dash : {'-', '_'}) {
      for (char& c : name) c = c == '-' || c == '_' ? dash : c;
      Options options;
      // A value that suits every kind of option.
      const std::string value =
          option.is_switch() ? ""
          : option.value.find('|') != option.value.npos
              ? "=" + std::string(option.value.substr(0, option.value.find('|')))
              : "=5";
      EXPECT_TRUE(apply_mount_options(name + value, command, options)) << name;
      EXPECT_THAT(options.mount_options, IsEmpty()) << name;
    }
  }
}

TEST(MountOptionsTest, ValuesMayContainEqualsAndEscapedCommas) {
  Options options;
  ASSERT_TRUE(apply_mount_options(R"(header=A: x=1\,2,password=p=q)", Command::mount, options));
  EXPECT_THAT(options.headers, ElementsAre("A: x=1,2"));
  EXPECT_EQ(options.password, "p=q");
}

TEST(MountOptionsTest, MistakesNameTheItem) {
  Options options;
  EXPECT_THAT(apply_mount_options("ro,ttl=soon", Command::mount, options).error().message,
              testing::AllOf(HasSubstr("-o ttl"), HasSubstr("'soon'")));
  EXPECT_THAT(apply_mount_options("ttl", Command::mount, options).error().message,
              HasSubstr("ttl=TIME"));
}

}  // namespace
}  // namespace lazymirror
