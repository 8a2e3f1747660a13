// SPDX-License-Identifier: Apache-2.0
//
// What a running tree answers to the commands about it, mounted and watched.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>

#include "base/file_io.h"
#include "base/unique_fd.h"
#include "control/message.h"
#include "support/truth.h"
#include "support/waiting.h"
#include "unit/cli/program_tree.h"

namespace lazymirror::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class ProgramAnswersTest : public ProgramTreeTest {
 protected:
  ProgramAnswersTest() { origin_.put("/a/deep", {.size = 1000}); }

  // 0 or the errno of reading the beginning.
  [[nodiscard]] int read_beginning(const std::string& name) const {
    const UniqueFd fd(::open((tree_ + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return errno;
    char byte = 0;
    return ::pread(fd.get(), &byte, 1, 0) == 1 ? 0 : errno;
  }

  void start_with_config(const std::string& text) {
    work_.write("config", text);
    ASSERT_EQ(start("--config=" + (work_ / "config")).status, 0);
  }
  // Of `status --json`; empty while nobody answers.
  [[nodiscard]] control::Message status() const {
    const Outcome o = run_program("status --json " + cache_);
    const auto message = control::parse_message(o.out.substr(0, o.out.find('\n')));
    return message ? *message : control::Message();
  }
  [[nodiscard]] pid_t number(const std::string& name) const {
    return static_cast<pid_t>(control::number_of(status(), name).value_or(0));
  }
  [[nodiscard]] std::int64_t cache_limit() const {
    const control::Message answer = status();
    const control::Message* storage = control::object_of(answer, "storage");
    return storage == nullptr ? 0 : control::number_of(*storage, "limit").value_or(0);
  }
  [[nodiscard]] std::string origin_state() const {
    const control::Message answer = status();
    const control::Message* origin = control::object_of(answer, "origin");
    return origin == nullptr ? "" : control::text_of(*origin, "state").value_or("");
  }
  static std::set<std::string> names_in(const std::string& directory) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) {
      names.insert(entry.path().filename());
    }
    return names;
  }
};

TEST_P(ProgramAnswersTest, StatusTellsOfTheTree) {
  ASSERT_EQ(start().status, 0);
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000));
  for (const std::string& place : {tree_, tree_ + "/a", cache_}) {
    const Outcome o = run_program("status " + place);
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, AllOf(HasSubstr(origin_.url()), HasSubstr("shown at"), HasSubstr(tree_),
                             HasSubstr("online"), HasSubstr("fetched"), HasSubstr("may hold")));
  }
}

TEST_P(ProgramAnswersTest, StatusInJsonHasTheNumbers) {
  ASSERT_EQ(start().status, 0);
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000));
  const Outcome o = run_program("status --json " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  const auto message = control::parse_message(o.out.substr(0, o.out.find('\n')));
  ASSERT_TRUE(message) << o.out;
  EXPECT_EQ(control::text_of(*message, "mode"), GetParam() == Mode::watch ? "watch" : "mount");
  EXPECT_GE(*control::number_of(*message, "entries"), 3);
  const control::Message* origin = control::object_of(*message, "origin");
  ASSERT_NE(origin, nullptr);
  EXPECT_EQ(*control::text_of(*origin, "state"), "online");
  EXPECT_GE(*control::number_of(*origin, "bytes_received"), 1000);
}

TEST_P(ProgramAnswersTest, StatusOfATreeThatIsNotShownIsThree) {
  const Outcome o = run_program("status " + work_.path());
  EXPECT_EQ(o.status, 3) << o.out << o.err;
  EXPECT_EQ(o.out, "");
}

TEST_P(ProgramAnswersTest, LsTellsWhatIsHereOfEachName) {
  ASSERT_EQ(start("--look-ahead=off").status, 0);
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000));
  ASSERT_EQ(read_beginning("/large"), 0);
  const Outcome o = run_program("ls --cached " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, ::testing::ContainsRegex("cached +1000 B +small"));
  EXPECT_THAT(o.out, ::testing::ContainsRegex("partial [0-9]+ % +8.0 MiB +large"));
  EXPECT_THAT(o.out, HasSubstr("a/"));
}

TEST_P(ProgramAnswersTest, InfoTellsOfOneName) {
  ASSERT_EQ(start().status, 0);
  EXPECT_TRUE(file_is(tree_ + "/a/deep", "/a/deep", 1, 1000));
  const Outcome o = run_program("info " + tree_ + "/a/deep");
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr(origin_.url() + "a/deep"), HasSubstr("1000 bytes"),
                           HasSubstr("cached"), HasSubstr("generation")));
  EXPECT_EQ(run_program("info " + tree_ + "/no").status, 1);
}

TEST_P(ProgramAnswersTest, OfflineServesWhatIsHereUntilOnline) {
  ASSERT_EQ(start().status, 0);
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000));
  ASSERT_EQ(run_program("offline " + tree_).status, 0);
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000));
  EXPECT_EQ(read_beginning("/large"), EIO);
  EXPECT_THAT(run_program("status " + tree_).out, HasSubstr("offline"));
  ASSERT_EQ(run_program("online " + tree_).status, 0);
  EXPECT_TRUE(file_is(tree_ + "/large", "/large", 1, kSize));
}

TEST_P(ProgramAnswersTest, MetricsAreAnsweredAndWrittenToTheFile) {
  const std::string file = work_.path() + "/metrics.prom";
  ASSERT_EQ(start("--metrics-file=" + file).status, 0);
  const Outcome o = run_program("status --metrics " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("lazymirror_entries{url=\"" + origin_.url()));
  EXPECT_TRUE(eventually([&] {
    const auto text = read_file(file);
    return text && text->find("lazymirror_entries{url=\"" + origin_.url()) != text->npos;
  }));
}

TEST_P(ProgramAnswersTest, ReloadTakesWhatItCanAndNamesTheRest) {
  const std::string config = work_.path() + "/config";
  work_.write("config", "log-level = info\nconnections = 8\n");
  ASSERT_EQ(start("--config=" + config).status, 0);
  EXPECT_THAT(run_program("reload " + tree_).out, HasSubstr("nothing to change"));
  work_.write("config", "log-level = debug\nconnections = 4\n");
  const Outcome o = run_program("reload " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("changed log-level"), HasSubstr("next start: connections")));
  work_.write("config", "log-level = loud\n");
  const Outcome bad = run_program("reload " + tree_);
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("loud"));
}

TEST_P(ProgramAnswersTest, ReloadChangesTheProxy) {
  const std::string config = work_.path() + "/config";
  work_.write("config", "");
  ASSERT_EQ(start("--timeout=6s --config=" + config).status, 0);
  work_.write("config", "proxy = http://127.0.0.1:1/\n");
  const Outcome o = run_program("reload " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("changed proxy"));
  EXPECT_NE(read_beginning("/large"), 0) << "nobody listens there";
  work_.write("config", "log-level = info\n");
  const Outcome back = run_program("reload " + tree_);
  ASSERT_EQ(back.status, 0) << back.err;
  // Who comes while the transfer of before still ends shares its end.
  EXPECT_TRUE(eventually([&] { return read_beginning("/large") == 0; }));
  EXPECT_TRUE(file_is(tree_ + "/large", "/large", 1, kSize));
}

TEST_P(ProgramAnswersTest, ReloadChangesTheBoundsOfTheCache) {
  start_with_config("cache-size = 64M\n");
  EXPECT_EQ(cache_limit(), 64 << 20);
  work_.write("config", "cache-size = 32M\nmin-free-space = 1M\nbandwidth-limit = 100M\n");
  const Outcome o = run_program("reload " + tree_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("cache-size"), HasSubstr("min-free-space"),
                           HasSubstr("bandwidth-limit"), Not(HasSubstr("next start"))));
  EXPECT_EQ(cache_limit(), 32 << 20);
}

TEST_P(ProgramAnswersTest, ReloadChangesHowLongAListingIsBelieved) {
  start_with_config("ttl = 1h\nnegative-ttl = 1h\n");
  EXPECT_TRUE(file_is(tree_ + "/a/deep", "/a/deep", 1, 1000));
  work_.write("config", "ttl = 1s\nnegative-ttl = 1s\n");
  EXPECT_THAT(run_program("reload " + tree_).out, AllOf(HasSubstr("ttl"), HasSubstr("negative")));
  // A listing keeps the time that it was given when it came.
  ASSERT_EQ(run_program("refresh " + tree_ + "/a").status, 0);
  origin_.put("/a/later", {.size = 1000});
  EXPECT_TRUE(eventually([&] { return names_in(tree_ + "/a").contains("later"); }));
}

TEST_P(ProgramAnswersTest, HangupReloads) {
  start_with_config("cache-size = 64M\n");
  work_.write("config", "cache-size = 32M\n");
  const pid_t daemon = number("pid");
  ASSERT_GT(daemon, 0);
  ASSERT_EQ(::kill(daemon, SIGHUP), 0);
  EXPECT_TRUE(eventually([&] { return cache_limit() == 32 << 20; }));
  // A mistake changes nothing, and the tree stays.
  work_.write("config", "cache-size = much\n");
  ASSERT_EQ(::kill(daemon, SIGHUP), 0);
  work_.write("config.good", "cache-size = 16M\n");
  EXPECT_TRUE(file_is(tree_ + "/small", "/small", 1, 1000));
  fs::rename(work_ / "config.good", work_ / "config");
  ASSERT_EQ(::kill(daemon, SIGHUP), 0);
  EXPECT_TRUE(eventually([&] { return cache_limit() == 16 << 20; }));
  EXPECT_EQ(number("pid"), daemon);
}

TEST_P(ProgramAnswersTest, AnotherStartIsOnlineAgain) {
  ASSERT_EQ(start().status, 0);
  ASSERT_EQ(run_program("offline " + tree_).status, 0);
  EXPECT_EQ(origin_state(), "offline");
  ASSERT_EQ(run_program("stop " + cache_).status, 0);
  ASSERT_EQ(start().status, 0);
  EXPECT_EQ(origin_state(), "online");
}

// A mount has no worker of its own.
class ProgramWorkersTest : public ProgramAnswersTest {};

TEST_P(ProgramWorkersTest, AnotherWorkerTakesOverWhatWasChanged) {
  start_with_config("cache-size = 64M\n");
  work_.write("config", "cache-size = 32M\n");
  ASSERT_EQ(run_program("reload " + tree_).status, 0);
  for (const std::string command : {"offline", "online"}) {
    ASSERT_EQ(run_program(command + " " + tree_).status, 0);
    const pid_t worker = number("worker_pid");
    ASSERT_GT(worker, 0);
    ASSERT_EQ(::kill(worker, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return number("worker_pid") != worker && cache_limit() > 0; }));
    EXPECT_EQ(origin_state() == "offline", command == "offline") << origin_state();
    EXPECT_EQ(cache_limit(), 32 << 20);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, ProgramWorkersTest, ::testing::Values(Mode::watch),
                         [](const auto&) { return "AWatch"; });
INSTANTIATE_TEST_SUITE_P(Of, ProgramAnswersTest, ::testing::Values(Mode::mount, Mode::watch),
                         [](const auto& of) {
                           return of.param == Mode::watch ? "AWatch" : "AMount";
                         });

}  // namespace
}  // namespace lazymirror::testing
