// SPDX-License-Identifier: Apache-2.0
//
// What a new user tries first, on real servers.
#include <sys/stat.h>

#include <fstream>

#include "integration/integration.h"
#include "support/web_server.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class AUser : public Integration {
 protected:
  AUser() { ::chmod(root.path().c_str(), 0755); }

  void fill_root() {
    for (const char* path : {"/a", "/sub/b c", "/sub/deep/100%.bin", "/sub/deep/ü"}) {
      lay_out(root.path() + path, path, {.size = 123'456});
    }
    lay_out(root / "large.bin", "/large.bin", {.size = 8'000'001});
    root.write("empty", "");
    root.write("page.html", "<html><a href='x'>x</a></html>");
  }

  // The tree as a whole is the one that is served.
  void expect_same_tree() {
    const auto diff = run_shell("diff -r " + root.path() + " " + mnt, seconds(60));
    EXPECT_EQ(diff.status, 0) << diff.output;
    const std::string list = " && find . -type f -printf '%s %p\\n' | sort)";
    const auto sizes = run_shell("diff <(cd " + root.path() + list + " <(cd " + mnt + list);
    EXPECT_EQ(sizes.status, 0) << sizes.output;
  }

  TempDir root;
};

class WithApache : public AUser, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(InEachFormat, WithApache,
                         ::testing::Values("FancyIndexing", "None", "FancyIndexing HTMLTable",
                                           "FancyIndexing NameWidth=*",
                                           "FancyIndexing SuppressSize SuppressLastModified"));

TEST_P(WithApache, SeesTheTreeAsItIs) {
  LM_REQUIRE(Apache::available(), "apache2 is not installed");
  fill_root();
  const Apache server(root.path(), GetParam());
  auto daemon = mounted({}, server.url());
  expect_same_tree();
  EXPECT_EQ(run_shell("cp -r " + mnt + " " + work / "copy && diff -r " + root.path() + " " +
                      work / "copy")
                .status,
            0);
}

TEST_F(AUser, WithNginxSeesTheTreeAsItIs) {
  LM_REQUIRE(Nginx::available(), "nginx is not installed");
  fill_root();
  const Nginx server(root.path());
  auto daemon = mounted({}, server.url());
  expect_same_tree();
}

TEST_F(AUser, WithPythonSeesTheTreeAsItIs) {
  fill_root();
  const unsigned port = free_port();
  ChildProcess server({.argv = {"python3", "-m", "http.server", "--bind", "127.0.0.1",
                                "--directory", root.path(), std::to_string(port)},
                       .log_file = work / "python"});
  ASSERT_TRUE(wait_for_port(port, server, seconds(30)));
  auto daemon = mounted({}, "http://127.0.0.1:" + std::to_string(port) + "/");
  expect_same_tree();
}

TEST_F(AUser, SeesAnArchiveAtOnce) {
  LM_REQUIRE(Nginx::available(), "nginx is not installed");
  ASSERT_EQ(run_shell("cd " + root.path() +
                      " && for i in $(seq 60); do head -c 500K /dev/urandom > m$i; done "
                      "&& tar -cf archive.tar m* && rm m*")
                .status,
            0);
  // 30 MB at 300 kB/s: a hundred seconds in all.
  const Nginx server(root.path(), "limit_rate 300k;");
  auto daemon = mounted({"--connections=1"}, server.url());
  const auto before = std::chrono::steady_clock::now();
  ChildProcess tar({.argv = {"tar", "tvf", at("/archive.tar")}, .log_file = work / "contents"});
  EXPECT_TRUE(eventually([&] { return slurp(work / "contents").find("m1") != std::string::npos; }));
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(30));
}

TEST_F(AUser, AsksForTheRoomOnTheDisk) {
  origin.put("/f", {.size = 10});
  auto daemon = mounted();
  const auto df = run_command({"df", "--output=source,fstype,size,avail", mnt});
  EXPECT_EQ(df.status, 0) << df.output;
  EXPECT_THAT(df.output, HasSubstr(origin.url()));
  EXPECT_THAT(df.output, HasSubstr("fuse.lazymirror"));
}

TEST_F(AUser, DoesNotFindThePasswordInTheTableOfMounts) {
  origin.put("/f", {.size = 10});
  origin.set_require_auth("user", "hunter2");
  const std::string url = "http://user:hunter2@127.0.0.1:" + std::to_string(origin.port()) + "/";
  auto daemon = mounted({}, url);
  EXPECT_TRUE(is_right("/f", 10));
  EXPECT_EQ(run_shell("grep -r hunter2 /proc/self/mountinfo " + cache).status, 1);
  EXPECT_EQ(attribute(at("/f"), "url"), origin.url("/f"));
  EXPECT_THAT(daemon->log(), ::testing::Not(HasSubstr("hunter2")));
}

TEST_F(AUser, OfAServerWithoutRangesIsWarnedOnce) {
  origin.set_ranges(false);
  for (int i = 0; i < 5; ++i) origin.put("/f" + std::to_string(i), {.size = 3'000'000});
  auto daemon = mounted();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_right("/f" + std::to_string(i), 3'000'000));
  const auto tail = run_shell("tail -c 10 " + at("/f1") + " | wc -c");
  EXPECT_EQ(tail.output, "10\n");
  const std::string log = daemon->log();
  const std::size_t first = log.find("does not serve parts of files");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("does not serve parts of files", first + 1), std::string::npos) << log;
}

TEST_F(AUser, OtherThanTheOneWhoMountedSeesNothingUnlessAllowed) {
  origin.put("/f", {.size = 10});
  ::chmod(work.path().c_str(), 0755);
  const std::string as_nobody =
      "setpriv --reuid=65534 --regid=65534 --clear-groups cat " + at("/f");
  auto daemon = mounted();
  EXPECT_NE(run_shell(as_nobody).status, 0);
  EXPECT_EQ(daemon->terminate(), 0);
  daemon = mounted({"-o", "allow_other"});
  EXPECT_EQ(run_shell(as_nobody + " | wc -c").output, "10\n");
}

TEST_F(AUser, MayReadATreeBesideABigDownload) {
  origin.put("/big", {.size = 300u << 20});
  for (int i = 0; i < 50; ++i) origin.put("/small/" + std::to_string(i), {.size = 5000});
  auto daemon = mounted();
  ChildProcess big({.argv = {"sha256sum", at("/big")}, .log_file = work / "sum"});
  ASSERT_TRUE(origin.wait_for_requests("/big", 1));
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(is_right("/small/" + std::to_string(i), 5000));
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(15)) << "demand comes first";
  EXPECT_EQ(big.wait(seconds(150)), 0);
}

}  // namespace
}  // namespace lazymirror::testing
