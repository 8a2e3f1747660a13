// SPDX-License-Identifier: Apache-2.0
//
// What the binary says and how it ends where no mount comes about.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "support/child_process.h"
#include "support/daemon.h"
#include "support/oracle_origin.h"
#include "support/temp_dir.h"
#include "unit/cli/program.h"

namespace lazymirror::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ProgramUsageTest, HelpNeedsNoEnvironment) {
  const Outcome o = run_program("--help", "env -i");
  EXPECT_EQ(o.status, 0);
  EXPECT_THAT(o.out, StartsWith("Usage: lazymirror mount"));
  EXPECT_EQ(o.err, "");
}

TEST(ProgramUsageTest, VersionNamesTheLibraries) {
  const Outcome o = run_program("--version", "env -i");
  EXPECT_EQ(o.status, 0);
  EXPECT_THAT(o.out, AllOf(StartsWith("lazymirror "), HasSubstr("libfuse "), HasSubstr("libcurl"),
                           HasSubstr("libxml2 "), HasSubstr("sqlite ")));
}

TEST(ProgramUsageTest, AFullDiskIsNoticed) {
  const auto result = run_shell(lazymirror_binary() + " --help >/dev/full");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.output, HasSubstr("standard output"));
}

TEST(ProgramUsageTest, WrongUsageIsTwo) {
  const Outcome o = run_program("--cahce-location /c http://h/ /m");
  EXPECT_EQ(o.status, 2);
  EXPECT_EQ(o.out, "");
  EXPECT_THAT(o.err, AllOf(HasSubstr("did you mean --cache-location?"),
                           HasSubstr("Type 'lazymirror --help'")));
}

// Failures that come before the mount, told on the terminal although the
// program would have gone into the background.
class ProgramFailureTest : public ::testing::Test {
 protected:
  ProgramFailureTest() { mountpoint_ = work_.make_dir("mnt"); }

  Outcome mount(const std::string& arguments) {
    return run_program("mount --cache-location " + work_ / "cache" + " " + arguments);
  }
  static void expect_sentence(const Outcome& o, const std::vector<std::string>& parts) {
    EXPECT_EQ(o.status, 1);
    EXPECT_EQ(o.out, "");
    EXPECT_THAT(o.err, HasSubstr("lazymirror: cannot mount "));
    for (const std::string& part : parts) EXPECT_THAT(o.err, HasSubstr(part));
  }

  TempDir work_;
  OracleOrigin origin_;
  std::string mountpoint_;
};

TEST_F(ProgramFailureTest, MissingMountPoint) {
  const std::string missing = work_ / "none";
  expect_sentence(mount(origin_.url() + " " + missing), {missing, "mkdir -p " + missing});
}

TEST_F(ProgramFailureTest, MountPointThatIsAFile) {
  const std::string file = work_.write("file", "x");
  expect_sentence(mount(origin_.url() + " " + file), {"not a directory; give a directory"});
}

TEST_F(ProgramFailureTest, CacheThatCannotBeMade) {
  expect_sentence(
      run_program("mount --cache-location /proc/none/cache " + origin_.url() + " " + mountpoint_),
      {"/proc/none", "--cache-location"});
}

TEST_F(ProgramFailureTest, UnreachableOriginAndNothingCached) {
  const std::string url = origin_.url();
  origin_.stop();
  expect_sentence(mount("--retries=0 " + url + " " + mountpoint_), {url, "check the address"});
}

TEST_F(ProgramFailureTest, PathThatDoesNotExist) {
  expect_sentence(mount("--retries=0 " + origin_.url("/none/") + " " + mountpoint_),
                  {"404", "check the path"});
}

TEST_F(ProgramFailureTest, MissingPassword) {
  origin_.set_require_auth("me", "secret");
  expect_sentence(mount("--retries=0 " + origin_.url() + " " + mountpoint_), {"--username"});
}

TEST_F(ProgramFailureTest, CacheOfAnotherUrl) {
  origin_.put_directory("/a");
  origin_.put_directory("/b");
  // The first attempt leaves the cache behind and fails at the mount.
  (void)mount("-o no_such_option " + origin_.url("/a/") + " " + mountpoint_);
  expect_sentence(mount(origin_.url("/b/") + " " + mountpoint_),
                  {origin_.url("/a/"), "--cache-location"});
}

TEST_F(ProgramFailureTest, UnknownMountOption) {
  expect_sentence(mount("-o no_such_option " + origin_.url() + " " + mountpoint_),
                  {"no_such_option"});
}

TEST_F(ProgramFailureTest, SecretsAreNeitherInTheProcessListNorInErrors) {
  origin_.inject("/", {.fault = Fault::stall_before_head, .times = 0});
  ChildProcess program({.argv = {lazymirror_binary(), "mount", "-f", "--header", "X-Token: hush1",
                                 "--cache-location", work_ / "cache", "-o",
                                 "username=me,password=hush2", origin_.url(), mountpoint_},
                        .log_file = work_ / "log"});
  // A request on its way: the command line was read long ago.
  ASSERT_TRUE(origin_.wait_for_requests("/", 1)) << program.log();
  std::ifstream in("/proc/" + std::to_string(program.pid()) + "/cmdline");
  const std::string words((std::istreambuf_iterator<char>(in)), {});
  EXPECT_THAT(words, HasSubstr("--cache-location"));
  EXPECT_THAT(words, Not(HasSubstr("hush")));
  program.signal(SIGTERM);
  EXPECT_TRUE(program.wait(std::chrono::seconds(30)).has_value());
  EXPECT_THAT(program.log(), Not(HasSubstr("hush")));
}

TEST_F(ProgramFailureTest, ASignalEndsAStartThatWaits) {
  origin_.inject("/", {.fault = Fault::stall_before_head, .times = 0});
  ChildProcess program({.argv = {lazymirror_binary(), "mount", "-f", "--cache-location",
                                 work_ / "cache", origin_.url(), mountpoint_},
                        .log_file = work_ / "log"});
  ASSERT_TRUE(origin_.wait_for_requests("/", 1));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(std::chrono::seconds(30)), 1);
  EXPECT_THAT(program.log(), HasSubstr("interrupted"));
}

}  // namespace
}  // namespace lazymirror::testing
