// SPDX-License-Identifier: Apache-2.0
//
// The words of each command.
#include "config/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/option_table.h"
#include "config/validate.h"
#include "unit/config/some_user.h"

namespace lazymirror {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// What is said against these words, by the parser or by the rules.
std::string objection(const std::vector<std::string>& arguments) {
  const auto parsed = parse(arguments);
  if (!parsed) return parsed.error().message;
  const auto valid = validate(parsed->command, parsed->options);
  return valid ? "" : valid.error().message;
}

struct Watch {
  std::string cache, shown_at;
  friend bool operator==(const Watch&, const Watch&) = default;
};

Watch watch_of(const std::vector<std::string>& arguments) {
  const auto parsed = parse(arguments);
  EXPECT_TRUE(parsed) << parsed.error().message;
  if (!parsed) return {};
  EXPECT_EQ(parsed->command, Command::watch);
  EXPECT_EQ(parsed->options.url, "http://h/");
  return {parsed->options.cache_location, parsed->options.shown_at};
}

TEST(CommandTest, WatchTakesUrlCacheAndMaybeADirectory) {
  EXPECT_EQ(watch_of({"watch", "http://h/", "/c"}), (Watch{"/c", ""}));
  EXPECT_EQ(watch_of({"watch", "http://h/", "/c", "/d"}), (Watch{"/c", "/d"}));
  EXPECT_EQ(watch_of({"watch", "http://h/", "/c", "-"}), (Watch{"/c", ""}));
  EXPECT_EQ(watch_of({"watch", "http://h/", "c", "d"}), (Watch{"/here/c", "/here/d"}));
}

TEST(CommandTest, TheAncestorsWatchWorksUnchanged) {
  EXPECT_EQ(watch_of({"--fanotify", "--cache-location", "/c", "http://h/", "-"}),
            (Watch{"/c", ""}));
  EXPECT_EQ(watch_of({"--cache-location=/c", "http://h/", "/d", "--fanotify"}),
            (Watch{"/c", "/d"}));
  EXPECT_EQ(watch_of({"--fanotify", "http://h/", "-"}), (Watch{"", ""})) << "the default place";
}

TEST(CommandTest, ACacheLocationOnTheCommandLineTakesThePlaceOfCache) {
  EXPECT_EQ(watch_of({"watch", "--cache-location=/c", "http://h/"}), (Watch{"/c", ""}));
  EXPECT_EQ(watch_of({"watch", "-o", "cache_location=/c", "http://h/", "/d"}), (Watch{"/c", "/d"}));
  EXPECT_THAT(objection({"watch", "--cache-location=/c", "http://h/", "/c", "/d"}),
              HasSubstr("'/d' is one argument too many"));
}

TEST(CommandTest, WatchHasOptionsOfItsOwn) {
  const auto parsed = parse({"watch", "--events=access-perm", "--fill-on=open", "--max-traps", "7",
                             "--fill-on-open-limit=64K", "--shared-filesystem", "-o", "exec,ttl=1s",
                             "http://h/", "/c"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Options& o = parsed->options;
  EXPECT_EQ(o.events, "access-perm");
  EXPECT_EQ(o.fill_on, "open");
  EXPECT_EQ(o.fill_on_open_limit, 64u << 10);
  EXPECT_EQ(o.max_traps, 7u);
  EXPECT_TRUE(o.shared_filesystem);
  EXPECT_EQ(o.ttl, Duration(1'000));
  EXPECT_THAT(o.mount_options, ElementsAre("exec"));
  EXPECT_TRUE(validate(parsed->command, o));
}

TEST(CommandTest, SmallFilesAreFilledAtOpenUnlessTheLimitIsZero) {
  const auto parsed = parse({"watch", "http://h/", "/c"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.fill_on_open_limit, 1u << 20);
  const auto never = parse({"watch", "-o", "fill_on_open_limit=0", "http://h/", "/c"});
  ASSERT_TRUE(never) << never.error().message;
  EXPECT_EQ(never->options.fill_on_open_limit, 0u);
}

TEST(CommandTest, StopTakesOnePlace) {
  const auto parsed = parse({"stop", "c"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->command, Command::stop);
  EXPECT_EQ(parsed->options.tree, "/here/c");
}

TEST(CommandTest, EvictTakesPaths) {
  const auto parsed = parse({"evict", "--cache-location=c", "a", "/b"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->command, Command::evict);
  EXPECT_THAT(parsed->options.paths, ElementsAre("/here/a", "/b"));
  EXPECT_EQ(parsed->options.cache_location, "/here/c");
}

TEST(CommandTest, EvictTakesAllBelowWithR) {
  const auto parsed = parse({"evict", "-r", "a"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_TRUE(parsed->options.recursive);
}

TEST(CommandTest, VerifyNeedsNoPath) {
  const auto parsed = parse({"verify"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->command, Command::verify);
  EXPECT_TRUE(parsed->options.paths.empty());
  const auto given = parse({"verify", "a"});
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_THAT(given->options.paths, ElementsAre("/here/a"));
}

TEST(CommandTest, MkcacheTakesFileAndDirectory) {
  const auto parsed = parse({"mkcache", "--size", "20G", "f", "d"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->command, Command::mkcache);
  EXPECT_EQ(parsed->options.image, "/here/f");
  EXPECT_EQ(parsed->options.image_directory, "/here/d");
  EXPECT_EQ(parsed->options.size, 20ull << 30);
}

TEST(CommandTest, WhatIsMissingOrTooMuchIsNamed) {
  EXPECT_THAT(objection({"watch"}), HasSubstr("a URL and a cache directory are missing"));
  EXPECT_THAT(objection({"watch", "http://h/"}), HasSubstr("cache directory is missing"));
  EXPECT_THAT(objection({"watch", "http://h/", "/c", "/d", "/e"}), HasSubstr("'/e'"));
  EXPECT_THAT(objection({"--fanotify", "http://h/"}), HasSubstr("or - for the cache alone"));
  EXPECT_THAT(objection({"stop"}), HasSubstr("is missing"));
  EXPECT_THAT(objection({"stop", "/c", "/d"}), HasSubstr("'/d'"));
  EXPECT_THAT(objection({"evict"}), HasSubstr("a path below a running tree is missing"));
  EXPECT_THAT(objection({"mkcache", "/f"}), HasSubstr("a directory to mount it at is missing"));
}

TEST(CommandTest, OptionsOfAnotherCommandAreRefusedWithItsName) {
  EXPECT_THAT(
      objection({"watch", "--io=cached", "http://h/", "/c"}),
      AllOf(HasSubstr("--io is for mount, not for watch"), HasSubstr("lazymirror watch --help")));
  EXPECT_THAT(objection({"watch", "-o", "io=cached", "http://h/", "/c"}),
              HasSubstr("--io is for mount"));
  EXPECT_THAT(objection({"--max-traps=5", "http://h/", "/m"}),
              HasSubstr("--max-traps is for watch, not for mount"));
  EXPECT_THAT(objection({"mount", "--fanotify", "http://h/", "/m"}), HasSubstr("is for watch"));
  EXPECT_THAT(objection({"stop", "--ttl=1h", "/c"}), HasSubstr("--ttl is for mount and watch"));
  EXPECT_THAT(objection({"watch", "--size=1G", "http://h/", "/c"}), HasSubstr("is for mkcache"));
  EXPECT_THAT(objection({"stop", "--ttl=1h", "--help"}), HasSubstr("--ttl"));
}

TEST(CommandTest, MountOptionsOfFuseAreRefusedByWatch) {
  EXPECT_THAT(objection({"watch", "-o", "allow_other", "http://h/", "/c"}),
              AllOf(HasSubstr("-o allow_other is not for watch"), HasSubstr("exec")));
  EXPECT_EQ(objection({"watch", "-o", "ro,exec,nofail,x-systemd.automount", "http://h/", "/c"}),
            "");
}

TEST(CommandTest, CacheAndDirectoryStandApart) {
  EXPECT_THAT(objection({"watch", "http://h/", "/c/d", "/c"}), HasSubstr("hide"));
  EXPECT_THAT(objection({"watch", "http://h/", "/c", "/c/data"}),
              AllOf(HasSubstr("lies in the cache"), HasSubstr("or - for")));
}

TEST(CommandTest, AnImageThatXfsRefusesIsRefused) {
  EXPECT_THAT(objection({"mkcache", "--size=299M", "/f", "/d"}), HasSubstr("300.0 MiB or more"));
  EXPECT_THAT(objection({"mkcache", "--size=big", "/f", "/d"}), HasSubstr("--size"));
  EXPECT_EQ(objection({"mkcache", "--size=300M", "/f", "/d"}), "");
  EXPECT_EQ(objection({"mkcache", "/f", "/d"}), "");
}

TEST(CommandTest, EveryOptionIsForSomeCommand) {
  for (const OptionSpec& option : option_table()) {
    EXPECT_NE(command_names(option.commands), "") << shown_name(option);
  }
}

}  // namespace
}  // namespace lazymirror
