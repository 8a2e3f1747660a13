// SPDX-License-Identifier: Apache-2.0
//
// The commands besides mount: what they say when nothing comes of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/skip.h"
#include "support/temp_dir.h"
#include "unit/cli/program.h"

namespace lazymirror::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ProgramCommandsTest : public ::testing::Test {
 protected:
  ProgramCommandsTest() {
    work_.make_dir("cache/data");
    work_.make_dir("cache/meta");
    work_.write("cache/lock", "");
    work_.write("cache/CACHEDIR.TAG", "");
    work_.write("cache/data/file", "");
  }

  static void expect_failure(const Outcome& o, const std::vector<std::string>& parts) {
    EXPECT_EQ(o.status, 1);
    EXPECT_EQ(o.out, "");
    EXPECT_THAT(o.err, StartsWith("lazymirror: cannot "));
    for (const std::string& part : parts) EXPECT_THAT(o.err, HasSubstr(part));
  }

  TempDir work_;
  std::string cache_ = work_ / "cache";
};

TEST_F(ProgramCommandsTest, EachHasItsHelp) {
  for (const std::string command : {"mount", "watch", "stop", "evict", "mkcache", "fetch", "pin",
                                    "unpin", "refresh", "verify"}) {
    const Outcome o = run_program(command + " --help", "env -i");
    EXPECT_EQ(o.status, 0);
    EXPECT_THAT(o.out, StartsWith("Usage: lazymirror " + command + " "));
    EXPECT_EQ(o.err, "");
  }
}

TEST_F(ProgramCommandsTest, WrongUsageIsTwoAndNamesTheRemedy) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"watch", "a URL and a cache directory are missing"},
      {"watch http://h/", "a cache directory is missing"},
      {"watch http://h/ /c /d /e", "one argument too many"},
      {"watch --io=cached http://h/ /c", "--io is for mount, not for watch: leave it out"},
      {"watch -o allow_other http://h/ /c", "known are exec"},
      {"watch --events=some http://h/ /c", "auto|pre-access|access-perm"},
      {"watch http://h/ /c /c/data", "choose a place outside"},
      {"watch ftp://h/ /c", "ftp://h/"},
      {"--fanotify http://h/", "or - for the cache alone"},
      {"stop", "is missing"},
      {"stop -f /c", "--foreground is for mount and watch"},
      {"evict", "a path below a running tree is missing"},
      {"pin", "a path below a running tree is missing"},
      {"unpin", "a path below a running tree is missing"},
      {"fetch -r", "a path below a running tree is missing"},
      {"refresh --metadata /p", "--metadata is for fetch, not for refresh"},
      {"pin -r /p", "--recursive is for fetch and refresh and verify and evict, not for pin"},
      {"mkcache /f", "a directory to mount it at is missing"},
      {"mkcache --size=1M /f /d", "or more"},
  };
  for (const auto& [arguments, part] : cases) {
    const Outcome o = run_program(arguments);
    EXPECT_EQ(o.status, 2) << arguments;
    EXPECT_EQ(o.out, "") << arguments;
    EXPECT_THAT(o.err, AllOf(StartsWith("lazymirror: "), HasSubstr(part), HasSubstr("--help")));
  }
}

TEST_F(ProgramCommandsTest, StopOfACacheThatNobodyUsesSaysSo) {
  LM_REQUIRE(::geteuid() == 0, "needs root");
  expect_failure(run_program("stop " + cache_), {"cannot stop " + cache_, "nothing"});
  expect_failure(run_program("stop " + work_.path()), {"neither a cache nor"});
  expect_failure(run_program("stop " + work_ / "none"), {"No such file"});
}

TEST_F(ProgramCommandsTest, EvictOfATreeThatNobodyWatchesSaysSo) {
  expect_failure(run_program("evict " + cache_ + "/data/file"), {"nothing watches the cache"});
  expect_failure(run_program("evict " + work_.write("file", "")), {"not below a watched tree"});
  expect_failure(run_program("evict " + cache_ + "/data/none"), {"No such file"});
}

TEST_F(ProgramCommandsTest, EvictTriesEveryPath) {
  const Outcome o = run_program("evict " + work_ / "none" + " " + cache_ + "/data/file");
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, AllOf(HasSubstr("none"), HasSubstr("data/file")));
}

TEST_F(ProgramCommandsTest, EvictFromWhatIsNoCacheIsRefused) {
  const Outcome o = run_program("evict --cache-location=" + work_.path() + " " + cache_);
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, HasSubstr("is not a cache"));
}

TEST_F(ProgramCommandsTest, ADirectoryThatIsMissingIsFoundBeforeAnythingElse) {
  LM_REQUIRE(::geteuid() == 0, "needs root");
  expect_failure(run_program("watch http://127.0.0.1:1/ " + work_ / "new" + " " + work_ / "none"),
                 {"cannot show http://127.0.0.1:1/ in ", "mkdir -p " + work_ / "none"});
  EXPECT_NE(::access((work_ / "new").c_str(), F_OK), 0);
}

TEST_F(ProgramCommandsTest, OrdinaryUsersAreToldWhatTheyMay) {
  LM_REQUIRE(::geteuid() == 0, "needs root to become somebody else");
  const std::string nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
  const auto as_nobody = [&](const std::string& words) { return run_program(words, nobody); };
  expect_failure(as_nobody("watch http://h/ /proc/nonexistent/c"),
                 {"needs root", "lazymirror mount"});
  expect_failure(as_nobody("stop /"), {"neither a cache nor"});
  expect_failure(as_nobody("mkcache /proc/nonexistent/f /"), {"needs root"});
}

}  // namespace
}  // namespace lazymirror::testing
