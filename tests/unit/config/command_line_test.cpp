// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "unit/config/some_user.h"

namespace lazymirror {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CommandLineTest, MountTakesUrlAndMountPoint) {
  const auto parsed = parse({"mount", "https://h/pub/", "/mnt/pub"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.url, "https://h/pub/");
  EXPECT_EQ(parsed->options.mountpoint, "/mnt/pub");
}

TEST(CommandLineTest, AncestorsFormWorksUnchanged) {
  const auto parsed =
      parse({"--cache-location", "/vdf/cache", "https://cdn.kernel.org/pub/", "/mnt/pub/"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.url, "https://cdn.kernel.org/pub/");
  EXPECT_EQ(parsed->options.mountpoint, "/mnt/pub/");
  EXPECT_EQ(parsed->options.cache_location, "/vdf/cache");
}

TEST(CommandLineTest, AncestorsOptionsAreAccepted) {
  const Options o =
      options_of({"-d", "--cache", "--dl-seg-size", "1", "--max-conns=6", "--http-header", "A: 1",
                  "--refresh-timeout", "3600", "--retry-wait=5", "--no-range-check"});
  EXPECT_TRUE(o.foreground);
  EXPECT_EQ(o.log_level, "debug");
  EXPECT_EQ(o.connections, 6u);
  EXPECT_THAT(o.headers, ElementsAre("A: 1"));
  EXPECT_EQ(o.ttl, seconds(3600));
}

TEST(CommandLineTest, OrderOfMountHelpersWorks) {
  // mount.fuse3(8): URL MOUNTPOINT -o OPTIONS
  const auto parsed = parse({"http://h/", "/mnt", "-o", "ro,ttl=1h,allow_other"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.ttl, minutes(60));
  EXPECT_THAT(parsed->options.mount_options, ElementsAre("ro", "allow_other"));
}

TEST(CommandLineTest, EveryValueArrives) {
  const Options o = options_of({"--io=cached",
                                "--timeout",
                                "30s",
                                "-u",
                                "me",
                                "-p",
                                "secret",
                                "--netrc",
                                "--netrc-file=/n",
                                "--header",
                                "A: 1",
                                "--header=B: 2",
                                "--user-agent",
                                "x/1",
                                "-P",
                                "http://proxy:3128",
                                "--proxy-username=pu",
                                "--proxy-password=pp",
                                "--cacert",
                                "/ca",
                                "--capath",
                                "/cas",
                                "--proxy-cacert",
                                "/pca",
                                "--proxy-capath",
                                "/pcas",
                                "--insecure-tls",
                                "--connections",
                                "3",
                                "--look-ahead=off",
                                "--bandwidth-limit=2M",
                                "--retries",
                                "0",
                                "--connect-timeout",
                                "2s",
                                "--low-speed-time",
                                "3s",
                                "-f",
                                "--log-level=error"});
  EXPECT_EQ(o.io, "cached");
  EXPECT_EQ(o.timeout, seconds(30));
  EXPECT_EQ(o.username, "me");
  EXPECT_EQ(o.password, "secret");
  EXPECT_TRUE(o.netrc);
  EXPECT_EQ(o.netrc_file, "/n");
  EXPECT_THAT(o.headers, ElementsAre("A: 1", "B: 2"));
  EXPECT_EQ(o.user_agent, "x/1");
  EXPECT_EQ(o.proxy, "http://proxy:3128");
  EXPECT_EQ(o.proxy_username, "pu");
  EXPECT_EQ(o.proxy_password, "pp");
  EXPECT_EQ(o.ca_file, "/ca");
  EXPECT_EQ(o.ca_path, "/cas");
  EXPECT_EQ(o.proxy_ca_file, "/pca");
  EXPECT_EQ(o.proxy_ca_path, "/pcas");
  EXPECT_TRUE(o.insecure_tls);
  EXPECT_EQ(o.connections, 3u);
  EXPECT_EQ(o.look_ahead, "off");
  EXPECT_EQ(o.bandwidth_limit, 2u << 20);
  EXPECT_EQ(o.retries, 0u);
  EXPECT_EQ(o.connect_timeout, seconds(2));
  EXPECT_EQ(o.low_speed_time, seconds(3));
  EXPECT_TRUE(o.foreground);
  EXPECT_EQ(o.log_level, "error");
}

TEST(CommandLineTest, TheLastOfTwoCounts) {
  EXPECT_EQ(options_of({"--ttl=1s", "--ttl=2s"}).ttl, seconds(2));
  EXPECT_EQ(options_of({"--ttl=1s", "-o", "ttl=2s"}).ttl, seconds(2));
  EXPECT_EQ(options_of({"-o", "ttl=2s", "--ttl=1s"}).ttl, seconds(1));
}

TEST(CommandLineTest, SwitchesCanBeTurnedOff) {
  EXPECT_FALSE(options_of({"--netrc", "--netrc=false"}).netrc);
}

TEST(CommandLineTest, AnEmptyValueDoesNotSwallowTheUrl) {
  const Options o = options_of({"--proxy="});
  EXPECT_EQ(o.proxy, "");
  EXPECT_EQ(o.url, "http://h/");
}

TEST(CommandLineTest, ValuesMayBeginWithADash) {
  EXPECT_EQ(options_of({"-u", "me", "-p", "-secret"}).password, "-secret");
  EXPECT_EQ(options_of({"-u", "me", "--password=--x"}).password, "--x");
}

TEST(CommandLineTest, AfterTwoDashesNothingIsAnOption) {
  const auto parsed = parse({"--", "http://h/", "--ttl"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.mountpoint, "/here/--ttl");
}

TEST(CommandLineTest, BracketsAreNotLists) {
  const auto parsed = parse({"--header", "[a,b]", "http://[::1]:80/", "/[x,y]"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.url, "http://[::1]:80/");
  EXPECT_EQ(parsed->options.mountpoint, "/[x,y]");
  EXPECT_THAT(parsed->options.headers, ElementsAre("[a,b]"));
}

TEST(CommandLineTest, PathsBecomeAbsolute) {
  const auto parsed = parse({"--cache-location=c", "--cacert", "../ca", "http://h/", "mnt"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.mountpoint, "/here/mnt");
  EXPECT_EQ(parsed->options.cache_location, "/here/c");
  EXPECT_EQ(parsed->options.ca_file, "/ca");
}

TEST(CommandLineTest, MisspeltOptionsAreReportedWithTheNearestName) {
  EXPECT_THAT(error_of({"--cahce-location", "/c", "http://h/", "/m"}),
              HasSubstr("did you mean --cache-location?"));
  EXPECT_THAT(error_of({"--cache_location=/c", "http://h/", "/m"}), HasSubstr("--cache-location"));
  EXPECT_THAT(error_of({"--tll=5"}), HasSubstr("did you mean --ttl?"));
}

TEST(CommandLineTest, MisspeltOptionsAreReportedBeforeMissingArguments) {
  EXPECT_THAT(error_of({"--nonsense"}), HasSubstr("--nonsense"));
  EXPECT_THAT(error_of({"mount", "--nonsense"}), HasSubstr("--nonsense"));
}

TEST(CommandLineTest, ABadOptionBeatsHelp) {
  EXPECT_THAT(error_of({"--help", "--nonsense"}), HasSubstr("--nonsense"));
  EXPECT_THAT(error_of({"--help", "--ttl=x"}), HasSubstr("--ttl"));
}

TEST(CommandLineTest, HelpAndVersionNeedNothingElse) {
  EXPECT_TRUE(parse({"--help"})->options.help);
  EXPECT_TRUE(parse({"-h"})->options.help);
  EXPECT_TRUE(parse({"mount", "--help"})->options.help);
  EXPECT_TRUE(parse({"--version"})->options.version);
  EXPECT_TRUE(parse({"-V"})->options.version);
}

TEST(CommandLineTest, MissingAndSurplusArgumentsAreNamed) {
  EXPECT_THAT(error_of({}), HasSubstr("URL"));
  EXPECT_THAT(error_of({"mount"}), HasSubstr("URL"));
  EXPECT_THAT(error_of({"http://h/"}), HasSubstr("mount point is missing"));
  EXPECT_THAT(error_of({"http://h/", "/m", "extra"}), HasSubstr("'extra'"));
}

TEST(CommandLineTest, BadValuesNameOptionValueAndForms) {
  EXPECT_THAT(error_of({"--ttl=soon", "http://h/", "/m"}),
              testing::AllOf(HasSubstr("--ttl"), HasSubstr("'soon'"), HasSubstr("30s")));
  EXPECT_THAT(error_of({"--io=fast", "http://h/", "/m"}), HasSubstr("auto|passthrough|cached"));
  EXPECT_THAT(error_of({"--connections=0", "http://h/", "/m"}), HasSubstr("from 1 to 256"));
  EXPECT_THAT(error_of({"--connections=-1", "http://h/", "/m"}), HasSubstr("'-1'"));
  EXPECT_THAT(error_of({"--netrc=maybe", "http://h/", "/m"}), HasSubstr("'maybe'"));
  EXPECT_THAT(error_of({"http://h/", "/m", "--ttl"}), HasSubstr("--ttl needs a value"));
  EXPECT_THAT(error_of({"http://h/", "/m", "-u"}), HasSubstr("needs a value"));
}

class ConfigFileOnCommandLineTest : public testing::Test {
 protected:
  ConfigFileOnCommandLineTest() {
    std::string name = "/tmp/lm-config-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    file_ = directory_ + "/lazymirror/lazymirror.conf";
    std::filesystem::create_directory(directory_ + "/lazymirror");
    user_ = some_user();
    user_.xdg_config_home = directory_;
  }
  ~ConfigFileOnCommandLineTest() override { std::filesystem::remove_all(directory_); }

  Result<Invocation> parse_with(const std::string& config, std::vector<std::string> arguments) {
    std::ofstream(file_) << config;
    arguments.insert(arguments.end(), {"http://h/", "/mnt"});
    return parse_command_line(arguments, user_);
  }

  std::string directory_, file_;
  Surroundings user_;
};

TEST_F(ConfigFileOnCommandLineTest, FlagBeforeFileBeforeDefault) {
  const auto parsed = parse_with("ttl = 1s\ntimeout = 2s\n", {"--ttl=9s"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.ttl, seconds(9));
  EXPECT_EQ(parsed->options.timeout, seconds(2));
  EXPECT_EQ(parsed->options.connections, Options{}.connections);
}

TEST_F(ConfigFileOnCommandLineTest, AnotherFileReplacesTheDefaultOne) {
  const std::string other = directory_ + "/other";
  std::ofstream(other) << "timeout = 7s\n";
  const auto parsed = parse_with("ttl = 1s\n", {"--config", other});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->options.ttl, Options{}.ttl);
  EXPECT_EQ(parsed->options.timeout, seconds(7));
}

TEST_F(ConfigFileOnCommandLineTest, HeadersOfBothAddUp) {
  const auto parsed = parse_with("header = \"A: 1\"\n", {"--header", "B: 2"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT(parsed->options.headers, ElementsAre("A: 1", "B: 2"));
}

TEST_F(ConfigFileOnCommandLineTest, AFileThatWasAskedForMustBeThere) {
  const auto parsed = parse_with("", {"--config=/proc/nonexistent/x"});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("/proc/nonexistent/x"));
}

TEST_F(ConfigFileOnCommandLineTest, MistakesNameFileLineAndRemedy) {
  const auto parsed = parse_with("\ntll = 5s\n", {});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message,
              testing::AllOf(HasSubstr(file_), HasSubstr("line 2"), HasSubstr("'tll'"),
                             HasSubstr("did you mean 'ttl'?")));
}

TEST_F(ConfigFileOnCommandLineTest, AFileSaysWhatTheWordsDoNot) {
  const std::string tree = directory_ + "/tree";
  std::ofstream(tree) << "url = http://file/\ndirectory = /mnt/file\n";
  const auto mount = parse_command_line({"--config", tree}, user_);
  ASSERT_TRUE(mount) << mount.error().message;
  EXPECT_EQ(mount->command, Command::mount);
  EXPECT_EQ(mount->options.url, "http://file/");
  EXPECT_EQ(mount->options.mountpoint, "/mnt/file");

  std::ofstream(tree, std::ios::app) << "mode = watch\ncache-location = /cache\n";
  const auto watch = parse_command_line({"--config", tree, "--fill-on=open"}, user_);
  ASSERT_TRUE(watch) << watch.error().message;
  EXPECT_EQ(watch->command, Command::watch);
  EXPECT_EQ(watch->options.cache_location, "/cache");
  EXPECT_EQ(watch->options.shown_at, "/mnt/file");
}

TEST_F(ConfigFileOnCommandLineTest, WordsComeBeforeTheTreeOfTheFile) {
  const auto parsed = parse_with("mode = watch\nurl = http://file/\ndirectory = /mnt/file\n", {});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->command, Command::mount);
  EXPECT_EQ(parsed->options.url, "http://h/");
  EXPECT_EQ(parsed->options.mountpoint, "/mnt");
}

TEST_F(ConfigFileOnCommandLineTest, ATreeOfTheFileMustBeWhole) {
  std::ofstream(file_) << "url = http://file/\n";
  EXPECT_THAT(parse_command_line({"mount"}, user_).error().message, HasSubstr("no directory"));
  EXPECT_THAT(parse_command_line({"watch"}, user_).error().message, HasSubstr("no cache-location"));
}

TEST_F(ConfigFileOnCommandLineTest, TheTreeOfAFileIsNoOption) {
  EXPECT_THAT(error_of({"--url=http://h/", "/mnt"}), HasSubstr("there is no option --url"));
}

TEST_F(ConfigFileOnCommandLineTest, HelpIsShownDespiteABrokenFile) {
  std::ofstream(file_) << "nonsense\n";
  EXPECT_TRUE(parse_command_line({"--help"}, user_));
}

}  // namespace
}  // namespace lazymirror
