// SPDX-License-Identifier: Apache-2.0
//
// fetch, pin, refresh, verify and evict -r as a user types them, mounted and watched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/message.h"
#include "support/child_process.h"
#include "support/truth.h"
#include "unit/cli/program_tree.h"
#include "unit/cli/terminal_program.h"

namespace lazymirror::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ProgramJobsTest : public ProgramTreeTest {
 protected:
  ProgramJobsTest() { origin_.put("/a/b/deep", {.size = 1000}); }

  void start(const std::string& more = "") {
    const Outcome o = ProgramTreeTest::start(more);
    ASSERT_EQ(o.status, 0) << o.err;
  }
  // Each line of its answer is a message; the last one.
  static control::Message last_line(const Outcome& outcome) {
    std::istringstream lines(outcome.out);
    control::Message last;
    for (std::string line; std::getline(lines, line);) {
      auto message = control::parse_message(line);
      EXPECT_TRUE(message) << line;
      if (message) last = std::move(*message);
    }
    return last;
  }
  static std::int64_t number(const Outcome& outcome, const std::string& key) {
    return control::number_of(last_line(outcome), key).value_or(-1);
  }
  // Changes a byte on the disk, past whatever is mounted there. Who was asked for
  // the file may hold it for a moment longer.
  void flip(const std::string& name) {
    std::filesystem::create_directories(work_ / "disk");
    ASSERT_EQ(run_command({"mount", "--bind", disk_->path(), work_ / "disk"}).status, 0);
    const std::string file = work_ / "disk" + "/cache/data" + name;
    {
      std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
      EXPECT_TRUE(bytes) << file;
      bytes.seekg(17);
      const char byte = static_cast<char>(bytes.get() ^ 1);
      bytes.seekp(17);
      bytes.put(byte);
    }
    EXPECT_EQ(run_command({"umount", "-l", work_ / "disk"}).status, 0);
  }
};

TEST_P(ProgramJobsTest, FetchMakesATreeCompleteAndReadsCostNothing) {
  start();
  const Outcome o = run_program("fetch -r " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_EQ(number(o, "files_done"), 3);
  EXPECT_EQ(number(o, "bytes_done"), 2000 + static_cast<std::int64_t>(kSize));
  EXPECT_EQ(control::flag_of(last_line(o), "ok", false), true);
  const auto asked = origin_.requests().size();
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000));
  EXPECT_TRUE(file_is(tree_ + "/large", "/large", 1, kSize));
  EXPECT_TRUE(file_is(tree_ + "/a/b/deep", "/a/b/deep", 1, 1000));
  EXPECT_EQ(origin_.requests().size(), asked);
}

TEST_P(ProgramJobsTest, FetchOfADirectoryStaysInIt) {
  start("--look-ahead=off");
  ASSERT_EQ(run_program("fetch " + tree_).status, 0);
  EXPECT_GT(origin_.body_bytes("/small"), 0u);
  EXPECT_EQ(origin_.body_bytes("/a/b/deep"), 0u);
}

TEST_P(ProgramJobsTest, FetchOfMetadataBringsNoBytes) {
  start("--look-ahead=off");
  const Outcome o = run_program("fetch -r --metadata " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(number(o, "directories"), 3);
  EXPECT_EQ(origin_.count("/a/b/"), 1u);
  for (const char* file : {"/small", "/large", "/a/b/deep"}) {
    EXPECT_EQ(origin_.body_bytes(file), 0u) << file;
  }
}

TEST_P(ProgramJobsTest, WhatFailsIsNamedAndTheRestIsFetched) {
  start("--look-ahead=off --retries=0");
  origin_.inject("/a/b/deep", {.fault = Fault::status, .value = 500, .times = 0});
  const Outcome o = run_program("fetch -r " + tree_ + "/none " + tree_ + "/a " + tree_ + "/small");
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, AllOf(HasSubstr("cannot fetch " + tree_ + "/a/b/deep: "),
                           HasSubstr("cannot fetch " + tree_ + "/none: ")));
  EXPECT_THAT(o.out, HasSubstr(R"("finding":"failed")"));
  EXPECT_EQ(number(o, "failed"), 2);
  EXPECT_EQ(origin_.body_bytes("/small"), 1000u);
}

TEST_P(ProgramJobsTest, WhatBelongsToNoTreeIsAFailure) {
  const Outcome o = run_program("verify " + work_.path());
  EXPECT_EQ(o.status, 1);
  EXPECT_EQ(o.out, "");
  EXPECT_THAT(o.err, HasSubstr("cannot verify " + work_.path() + ": "));
}

TEST_P(ProgramJobsTest, ATerminalHasABar) {
  start("--look-ahead=off");
  origin_.inject("/large", {.fault = Fault::stall_in_body, .value = kSize / 2, .method = "GET"});
  TerminalProgram fetch({"fetch", "-r", tree_});
  EXPECT_TRUE(fetch.shows(" of 8.0 MiB")) << fetch.screen();
  origin_.unstall();
  EXPECT_EQ(fetch.wait(), 0);
  EXPECT_THAT(fetch.screen(), AllOf(HasSubstr("\rfetching "), HasSubstr(" % ["),
                                    HasSubstr("fetched 3 files, 8.0 MiB"), Not(HasSubstr("{"))));
}

TEST_P(ProgramJobsTest, ARunningFetchIsSeenInStatus) {
  start("--look-ahead=off");
  origin_.inject("/large", {.fault = Fault::stall_in_body, .value = kSize / 2, .method = "GET"});
  TerminalProgram fetch({"fetch", "-r", tree_});
  EXPECT_TRUE(fetch.shows(" of 8.0 MiB")) << fetch.screen();
  const Outcome status = run_program("status " + tree_);
  EXPECT_THAT(status.out,
              AllOf(HasSubstr("fetch -r /\n"), HasSubstr("fetching "), HasSubstr(" of 8.0 MiB")));
  EXPECT_THAT(run_program("status --json " + tree_).out, HasSubstr(R"("job":"fetch")"));
  EXPECT_THAT(run_program("status --metrics " + tree_).out,
              ::testing::ContainsRegex("lazymirror_jobs_running\\{[^}]*\\} 1\n"));
  origin_.unstall();
  EXPECT_EQ(fetch.wait(), 0);
  EXPECT_THAT(run_program("status " + tree_).out, Not(HasSubstr("fetch -r")));
}

TEST_P(ProgramJobsTest, OtherUsersAreRefused) {
  ASSERT_EQ(::chmod(work_.path().c_str(), 0755), 0);
  start();
  const std::string nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
  for (const std::string command : {"status ", "fetch -r ", "evict -r ", "pin ", "offline "}) {
    const Outcome o = run_program(command + tree_, nobody);
    EXPECT_EQ(o.status, 1) << command;
    EXPECT_EQ(o.out, "") << command;
    EXPECT_THAT(o.err, HasSubstr(tree_)) << command;
  }
  const Outcome all = run_program("verify", nobody);
  EXPECT_EQ(all.status, 3) << "there is none that he may ask";
  EXPECT_THAT(all.err, HasSubstr("no tree is shown here that you may ask"));
  EXPECT_EQ(origin_.body_bytes("/small"), 0u);
  EXPECT_THAT(run_program("status " + tree_).out, Not(HasSubstr("offline")));
}

TEST_P(ProgramJobsTest, AnInterruptedFetchIsResumed) {
  start("--look-ahead=off");
  origin_.inject("/large", {.fault = Fault::stall_in_body, .value = kSize / 2, .method = "GET"});
  TerminalProgram fetch({"fetch", "-r", tree_});
  EXPECT_TRUE(fetch.shows(" % [")) << fetch.screen();
  ASSERT_TRUE(origin_.wait_for_requests("/small", 1));
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000));
  fetch.type("\x03");
  EXPECT_EQ(fetch.wait(), 130);
  origin_.unstall();
  const Outcome o = run_program("fetch -r " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(number(o, "files_done"), 3);
  EXPECT_GE(number(o, "bytes_present"), 1000);
  EXPECT_EQ(origin_.body_bytes("/small"), 1000u);
  EXPECT_TRUE(file_is(tree_ + "/large", "/large", 1, kSize));
}

TEST_P(ProgramJobsTest, PinBringsADirectoryAndKeepsItUntilUnpin) {
  start("--look-ahead=off");
  const Outcome pinned = run_program("pin " + tree_ + "/a");
  ASSERT_EQ(pinned.status, 0) << pinned.err;
  EXPECT_EQ(number(pinned, "files_done"), 1);
  EXPECT_EQ(origin_.body_bytes("/a/b/deep"), 1000u);
  EXPECT_EQ(origin_.body_bytes("/small"), 0u);
  EXPECT_THAT(run_program("ls --cached " + tree_ + "/a/b").out, HasSubstr("cached, pinned"));
  EXPECT_THAT(run_program("info " + tree_ + "/a").out, HasSubstr("directory, pinned"));
  const Outcome evicted = run_program("evict " + tree_ + "/a/b/deep");
  EXPECT_EQ(evicted.status, 1);
  EXPECT_THAT(evicted.err, HasSubstr("it is pinned"));

  ASSERT_EQ(run_program("stop " + cache_).status, 0);
  start("--look-ahead=off");
  EXPECT_THAT(run_program("ls " + tree_ + "/a/b").out, HasSubstr("cached, pinned"));
  const Outcome below = run_program("unpin " + tree_ + "/a/b");
  EXPECT_EQ(below.status, 1);
  EXPECT_THAT(below.err, HasSubstr("it is kept by a pin of a: unpin that"));
  EXPECT_EQ(run_program("unpin " + tree_ + "/a").status, 0);
  EXPECT_THAT(run_program("ls " + tree_ + "/a/b").out, Not(HasSubstr("pinned")));
  const Outcome again = run_program("unpin " + tree_ + "/a");
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("it is not pinned"));
  EXPECT_EQ(evict(tree_ + "/a/b/deep").status, 0);
}

TEST_P(ProgramJobsTest, EvictOfADirectoryTakesWhatIsNeitherPinnedNorInUse) {
  start("--look-ahead=off");
  ASSERT_EQ(run_program("fetch -r " + tree_).status, 0);
  EXPECT_THAT(run_program("evict " + tree_ + "/a").err, HasSubstr("name files, or give -r"));
  const Outcome some = evict("-r " + tree_ + "/a");
  EXPECT_EQ(some.status, 0) << some.err;
  EXPECT_THAT(some.out, HasSubstr("evicted 1 file, "));
  EXPECT_THAT(run_program("ls " + tree_ + "/a/b").out, HasSubstr("remote"));
  ASSERT_EQ(run_program("pin " + tree_ + "/small").status, 0);
  const Outcome all = evict("-r " + tree_);
  EXPECT_EQ(all.status, 1);
  EXPECT_THAT(all.out, HasSubstr("evicted 1 file, 8.0 MiB"));
  EXPECT_THAT(all.err, HasSubstr("1 file pinned (lazymirror unpin) stay"));
  EXPECT_TRUE(file_is(tree_ + "/large", "/large", 1, kSize));
  EXPECT_TRUE(file_is(tree_ + "/a/b/deep", "/a/b/deep", 1, 1000));
}

TEST_P(ProgramJobsTest, APinThatCannotFitIsRefusedAndPinsNothing) {
  start("--look-ahead=off --cache-size=2M");
  const Outcome o = run_program("pin " + tree_);
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err,
              AllOf(HasSubstr("cannot pin " + tree_ + ": it does not fit: 8.0 MiB are missing"),
                    HasSubstr("the cache may hold 2.0 MiB")));
  EXPECT_EQ(origin_.body_bytes("/large"), 0u);
  EXPECT_THAT(run_program("info " + tree_).out, Not(HasSubstr("pinned")));
}

TEST_P(ProgramJobsTest, VerifyWithoutAPathIsOfTheWholeTree) {
  start();
  ASSERT_EQ(run_program("fetch -r " + tree_).status, 0);
  const Outcome o = run_program("verify --cache-location=" + cache_);
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(number(o, "files_done"), 3);
}

TEST_P(ProgramJobsTest, RefreshShowsANewNameAtOnce) {
  start("--ttl=1h");
  ASSERT_EQ(run_program("fetch -r --metadata " + tree_).status, 0);
  EXPECT_TRUE(std::filesystem::exists(tree_ + "/a/b/deep"));
  origin_.put("/a/b/new", {.size = 1000});
  origin_.remove("/small");
  const Outcome o = run_program("refresh -r " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(number(o, "directories"), 3);
  EXPECT_TRUE(file_is(tree_ + "/a/b/new", "/a/b/new", 1, 1000));
  EXPECT_FALSE(std::filesystem::exists(tree_ + "/small"));
}

TEST_P(ProgramJobsTest, VerifyFindsAFlippedByte) {
  start();
  ASSERT_EQ(run_program("fetch -r " + tree_).status, 0);
  const Outcome good = run_program("verify -r " + tree_);
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_EQ(number(good, "files_done"), 3);
  flip("/small");
  const Outcome bad = run_program("verify -r " + tree_);
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.out, HasSubstr(R"("finding":"damaged")"));
  EXPECT_THAT(bad.err, AllOf(HasSubstr(tree_ + "/small: "), HasSubstr("not what was stored")));
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000)) << "it is fetched again";
  EXPECT_EQ(run_program("verify -r " + tree_).status, 0);
}

TEST_P(ProgramJobsTest, VerifyFindsAWrongPublishedChecksum) {
  const std::string list = std::string(64, 'a') + "  deep\n";
  origin_.put("/a/b/SHA256SUMS", {.size = list.size(), .etag = false});
  origin_.inject("/a/b/SHA256SUMS",
                 {.fault = Fault::raw,
                  .text = "HTTP/1.1 200 OK\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
                          "Content-Length: " +
                          std::to_string(list.size()) + "\r\n\r\n" + list,
                  .times = 0,
                  .method = "GET"});
  start();
  ASSERT_EQ(run_program("fetch -r " + tree_).status, 0);
  const Outcome o = run_program("verify -r " + tree_ + "/a");
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.out, HasSubstr(R"("finding":"mismatch")"));
  EXPECT_THAT(o.err, AllOf(HasSubstr(tree_ + "/a/b/deep: "), HasSubstr("SHA256SUMS")));
}

INSTANTIATE_TEST_SUITE_P(Of, ProgramJobsTest, ::testing::Values(Mode::mount, Mode::watch),
                         [](const auto& of) {
                           return of.param == Mode::watch ? "AWatch" : "AMount";
                         });

}  // namespace
}  // namespace lazymirror::testing
