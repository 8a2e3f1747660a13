// SPDX-License-Identifier: Apache-2.0
//
// Each mistake is answered by a sentence that says what to do, and by exit
// status 1, or 2 for the wrong use of the command line.
#include <sys/mount.h>

#include "integration/integration.h"

namespace lazymirror::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class BadInput : public Integration {
 protected:
  BadInput() { origin.put("/f", {.size = 10}); }

  CommandResult mount(const std::string& url, const std::string& mountpoint,
                      std::vector<std::string> options = {}) {
    std::vector<std::string> arguments{"mount", "--foreground", "--retries=0",
                                       "--cache-location=" + cache};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(url);
    arguments.push_back(mountpoint);
    return run(std::move(arguments));
  }

  // Status 1, a word of the sentence, and nothing mounted.
  void refused(const CommandResult& result, const std::string& word) {
    EXPECT_EQ(result.status, 1) << result.output;
    EXPECT_THAT(result.output, HasSubstr(word));
    EXPECT_THAT(result.output, Not(HasSubstr("terminate called")));
    EXPECT_FALSE(mount_at(mnt));
  }
};

TEST_F(BadInput, AMountPointThatIsMissing) {
  refused(mount(origin.url(), mnt + "/missing"), "mkdir -p " + mnt + "/missing");
}

TEST_F(BadInput, AMountPointThatIsAFile) {
  refused(mount(origin.url(), work.write("file", "x")), "not a directory");
}

TEST_F(BadInput, AMountPointInUse) {
  auto first = mounted();
  cache = work / "cache2";
  const auto second = mount(origin.url(), mnt);
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("umount"));
  EXPECT_TRUE(is_right("/f", 10)) << "the first is not disturbed";
}

TEST_F(BadInput, AUrlOfAnotherScheme) {
  const auto result = mount("ftp://127.0.0.1/", mnt);
  EXPECT_TRUE(result.status == 1 || result.status == 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("http"));
}

TEST_F(BadInput, AUrlThatIsNotThere) {
  refused(mount(origin.url("/nothing/"), mnt), "check the path");
}

TEST_F(BadInput, AUrlOfAPageThatIsNoListing) {
  const std::string page = "<html><body><p>Welcome!</p></body></html>";
  origin.inject("/", {.fault = Fault::raw,
                      .text = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " +
                              std::to_string(page.size()) + "\r\n\r\n" + page,
                      .times = 0});
  refused(mount(origin.url(), mnt), "listing");
}

TEST_F(BadInput, AUrlOfAFile) {
  refused(mount(origin.url("/f"), mnt), "has to be a directory that the server lists");
}

TEST_F(BadInput, AUrlThatNeedsAPassword) {
  origin.set_require_auth("user", "secret");
  refused(mount(origin.url(), mnt), "--username");
  refused(mount(origin.url(), mnt, {"--username=user", "--password=wrong-one"}), "--username");
  EXPECT_THAT(mount(origin.url(), mnt, {"--username=user", "--password=wrong-one"}).output,
              Not(HasSubstr("wrong-one")));
}

TEST_F(BadInput, AHostThatDoesNotExist) {
  refused(mount("http://host.invalid/", mnt), "host.invalid");
}

TEST_F(BadInput, ACacheThatCannotBeWritten) {
  cache = work.make_dir("ro");
  ASSERT_EQ(::mount("tmpfs", cache.c_str(), "tmpfs", MS_RDONLY, nullptr), 0);
  refused(mount(origin.url(), mnt), "--cache-location");
}

TEST_F(BadInput, ACacheOnAFileSystemWithoutAttributes) {
  cache = work.make_dir("ramfs");
  ASSERT_EQ(::mount("ramfs", cache.c_str(), "ramfs", 0, nullptr), 0);
  refused(mount(origin.url(), mnt), "xattr");
}

TEST_F(BadInput, ACacheOfAnotherUrl) {
  (void)mounted()->terminate();
  const OracleOrigin other;
  const auto result = mount(other.url(), mnt);
  refused(result, origin.url());
}

TEST_F(BadInput, ACacheThatIsNoDirectory) {
  cache = work.write("file", "x");
  refused(mount(origin.url(), mnt), "--cache-location");
}

TEST_F(BadInput, TheWrongUse) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"mount"}).status, 2);
  EXPECT_EQ(run({"mount", origin.url()}).status, 2);
  EXPECT_EQ(run({"mount", "--no-such-option", origin.url(), mnt}).status, 2);
  EXPECT_EQ(run({"mount", "--io=fast", origin.url(), mnt}).status, 2);
  EXPECT_EQ(run({"mount", "--ttl=soon", origin.url(), mnt}).status, 2);
}

TEST_F(BadInput, AnUnknownMountOption) {
  const auto result = mount(origin.url(), mnt, {"-o", "no_such_thing"});
  EXPECT_TRUE(result.status == 1 || result.status == 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("no_such_thing"));
}

}  // namespace
}  // namespace lazymirror::testing
