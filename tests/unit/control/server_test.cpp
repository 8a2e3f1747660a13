// SPDX-License-Identifier: Apache-2.0
//
// Server and client over a real socket.
#include "control/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <new>
#include <thread>

#include "control/client.h"
#include "control/socket_place.h"
#include "support/skip.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

using namespace control;

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Duration kLimit{120'000};

class ControlServerTest : public ::testing::Test {
 protected:
  void start(Handlers handlers) {
    auto server = ControlServer::start(path_, std::move(handlers));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  void start() {
    start({{"echo", [](const Message& request, Asker&) { return Result<Message>(request); }},
           {"fail", [](const Message&, Asker&) -> Result<Message> {
              return fail(Errc::busy, "it is in use");
            }}});
  }
  Result<Message> say(const std::string& command) {
    return ask(path_, {{"command", command}}, kLimit);
  }
  // A client that does as it pleases.
  UniqueFd connect_raw() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto place = socket_place(path_).value();
    EXPECT_EQ(::connect(socket.get(), place.data(), SocketPlace::size()), 0);
    return socket;
  }
  static std::string read_line(int fd) {
    std::string line;
    for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  static std::string read_to_end(int fd) {
    std::string text;
    std::vector<char> buffer(64 << 10);
    for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return text;
  }

  TempDir work_;
  std::string path_ = work_ / "control";
  std::unique_ptr<ControlServer> server_;
};

TEST_F(ControlServerTest, AnswersByCommand) {
  start();
  const auto answer = say("echo");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(text_of(*answer, "command").value(), "echo");
}

TEST_F(ControlServerTest, ErrorsComeAsSentences) {
  start();
  EXPECT_EQ(say("fail").error().message, "it is in use");
  EXPECT_EQ(say("fail").error().code, Errc::busy);
  EXPECT_THAT(say("sing").error().message, HasSubstr("no command 'sing'"));
}

TEST_F(ControlServerTest, NonsenseIsAnsweredAndTheConversationGoesOn) {
  start();
  const UniqueFd socket = connect_raw();
  ASSERT_GT(::send(socket.get(), "nonsense\n{\"command\":\"echo\"}\n", 28, 0), 0);
  EXPECT_THAT(read_line(socket.get()), HasSubstr("\"error\""));
  EXPECT_THAT(read_line(socket.get()), HasSubstr("\"echo\""));
}

TEST_F(ControlServerTest, ALineInPiecesIsOneRequest) {
  start();
  const UniqueFd socket = connect_raw();
  for (const char c : std::string("{\"command\":\"echo\"}\n")) {
    ASSERT_EQ(::send(socket.get(), &c, 1, 0), 1);
  }
  EXPECT_THAT(read_line(socket.get()), HasSubstr("\"echo\""));
}

TEST_F(ControlServerTest, ALineWithoutAnEndIsCutOff) {
  start();
  const UniqueFd socket = connect_raw();
  const std::string much(4096, ' ');
  ssize_t sent = 0;
  for (std::size_t all = 0; sent >= 0 && all < 100 * kMaxMessage; all += much.size()) {
    sent = ::send(socket.get(), much.data(), much.size(), MSG_NOSIGNAL);
  }
  EXPECT_LT(sent, 0);
  EXPECT_TRUE(say("echo")) << "others are served";
}

TEST_F(ControlServerTest, ASilentClientKeepsNobodyWaiting) {
  start();
  const UniqueFd silent = connect_raw();
  EXPECT_TRUE(say("echo"));
}

TEST_F(ControlServerTest, ManyClientsAtOnceAreAllAnswered) {
  start();
  std::vector<std::future<bool>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(std::async(std::launch::async, [this] { return say("echo").has_value(); }));
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

TEST_F(ControlServerTest, OnlyItsUserCanReachTheSocket) {
  start();
  struct stat attributes {};
  ASSERT_EQ(::stat(path_.c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 07777, 0600u);
}

TEST_F(ControlServerTest, OtherUsersAreSentAwayWhateverTheModeOfTheSocket) {
  LM_REQUIRE(::geteuid() == 0, "needs root to become another user");
  start();
  ASSERT_EQ(::chmod(path_.c_str(), 0777), 0);
  ASSERT_EQ(::chmod(work_.path().c_str(), 0755), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const auto answer = ask(path_, {{"command", std::string("echo")}}, kLimit);
    ::_exit(answer ? 1 : answer.error().code == Errc::unreachable ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ControlServerTest, TheSocketOfAKilledServerIsReplaced) {
  {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto place = socket_place(path_).value();
    ASSERT_EQ(::bind(socket.get(), place.data(), SocketPlace::size()), 0);
  }
  EXPECT_EQ(say("echo").error().code, Errc::not_found) << "nobody listens";
  start();
  EXPECT_TRUE(say("echo"));
}

TEST_F(ControlServerTest, NothingIsLeftAfterIt) {
  start();
  server_.reset();
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
  EXPECT_EQ(say("echo").error().code, Errc::not_found);
}

TEST_F(ControlServerTest, LongPathsAreReachedThroughTheirDirectory) {
  const std::string deep = work_.make_dir("directory-" + std::string(200, 'x'));
  path_ = deep + "/control";
  start();
  EXPECT_TRUE(say("echo"));
  server_.reset();
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
}

TEST_F(ControlServerTest, LinesThatComeTogetherAreAnsweredOneByOne) {
  start();
  const UniqueFd socket = connect_raw();
  ASSERT_GT(::send(socket.get(), "a\nb\nc\nd\n{\"command\":\"echo\"}\n", 27, 0), 0);
  for (int i = 0; i < 4; ++i) EXPECT_THAT(read_line(socket.get()), HasSubstr("\"error\""));
  EXPECT_THAT(read_line(socket.get()), HasSubstr("\"echo\""));
}

TEST_F(ControlServerTest, ProgressComesBeforeTheAnswerInOrder) {
  start({{"count", [](const Message&, Asker& asker) -> Result<Message> {
            for (int i = 0; i < 1'000; ++i) {
              if (!asker.tell({{"number", i}})) return fail(Errc::cancelled, "gone");
            }
            return Message{{"ok", true}};
          }}});
  std::vector<std::int64_t> numbers;
  const auto answer = ask(path_, {{"command", "count"}}, kLimit, [&](const Message& progress) {
    numbers.push_back(number_of(progress, "number").value_or(-1));
  });
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(numbers.size(), 1'000u);
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(numbers[i], i);
}

TEST_F(ControlServerTest, ALongAnswerDoesNotGatherInTheServer) {
  const std::string much(100'000, 'x');
  std::atomic<int> told{0};
  start({{"much", [&](const Message&, Asker& asker) -> Result<Message> {
            while (told < 200 && asker.wait_for_room()) {
              asker.tell({{"x", much}});
              ++told;
            }
            return Message{{"ok", true}};
          }}});
  const UniqueFd slow = connect_raw();
  ASSERT_GT(::send(slow.get(), "{\"command\":\"much\"}\n", 19, 0), 0);
  ASSERT_EQ(::shutdown(slow.get(), SHUT_WR), 0);
  EXPECT_THAT(read_line(slow.get()), HasSubstr("xxx")) << "it has begun";
  EXPECT_LT(told, 100) << "20 MB do not fit";
  const std::string rest = read_to_end(slow.get());
  EXPECT_EQ(std::count(rest.begin(), rest.end(), '\n'), 200);
  EXPECT_TRUE(rest.ends_with("{\"ok\":true}\n"));
}

TEST_F(ControlServerTest, WhoDoesNotReadIsSentAway) {
  std::promise<void> gone;
  start({{"flood", [&](const Message&, Asker& asker) -> Result<Message> {
            const std::string much(100'000, 'x');
            while (asker.tell({{"x", much}})) {
            }
            gone.set_value();
            return Message{{"ok", true}};
          }}});
  const UniqueFd deaf = connect_raw();
  ASSERT_GT(::send(deaf.get(), "{\"command\":\"flood\"}\n", 20, 0), 0);
  EXPECT_EQ(gone.get_future().wait_for(kLimit), std::future_status::ready);
  EXPECT_THAT(read_to_end(deaf.get()), Not(EndsWith("\"ok\":true}\n"))) << "cut off";
  server_.reset();  // Who still writes needs `gone`.
}

TEST_F(ControlServerTest, ALongRequestKeepsNobodyElseWaiting) {
  std::promise<void> go_on, begun;
  start({{"long",
          [&](const Message&, Asker&) -> Result<Message> {
            begun.set_value();
            go_on.get_future().wait_for(kLimit);
            return Message{{"ok", true}};
          }},
         {"echo", [](const Message& request, Asker&) { return Result<Message>(request); }}});
  auto long_one = std::async(std::launch::async, [this] { return say("long").has_value(); });
  begun.get_future().wait_for(kLimit);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(say("echo"));
  go_on.set_value();
  EXPECT_TRUE(long_one.get());
}

// Waits for its asker to go away; tells when he has.
class UntilGone {
 public:
  Handlers handlers() {
    return {{"wait",
             [this](const Message&, Asker& asker) -> Result<Message> {
               std::promise<void> left;
               const auto hold = asker.when_gone([&] { left.set_value(); });
               begun_.set_value();
               left.get_future().wait();
               ended_.set_value(asker.has_gone());
               return fail(Errc::cancelled, "you have gone");
             }},
            {"echo", [](const Message& request, Asker&) { return Result<Message>(request); }}};
  }
  void wait_until_begun() { begun_.get_future().wait_for(kLimit); }
  bool has_ended() {
    auto ended = ended_.get_future();
    return ended.wait_for(kLimit) == std::future_status::ready && ended.get();
  }

 private:
  std::promise<void> begun_;
  std::promise<bool> ended_;
};

TEST_F(ControlServerTest, WhoGoesAwayCancelsHisRequest) {
  UntilGone until_gone;
  start(until_gone.handlers());
  UniqueFd socket = connect_raw();
  ASSERT_GT(::send(socket.get(), "{\"command\":\"wait\"}\n", 19, 0), 0);
  until_gone.wait_until_begun();
  socket.reset();
  EXPECT_TRUE(until_gone.has_ended());
  EXPECT_TRUE(say("echo"));
  server_.reset();
}

TEST_F(ControlServerTest, StoppingCancelsWhatIsUnderWay) {
  UntilGone until_gone;
  start(until_gone.handlers());
  const UniqueFd socket = connect_raw();
  ASSERT_GT(::send(socket.get(), "{\"command\":\"wait\"}\n", 19, 0), 0);
  until_gone.wait_until_begun();
  server_.reset();
  EXPECT_TRUE(until_gone.has_ended());
}

TEST_F(ControlServerTest, WhoOnlyClosesHisSideStillGetsHisAnswer) {
  start();
  const UniqueFd socket = connect_raw();
  ASSERT_GT(::send(socket.get(), "{\"command\":\"echo\"}\n", 19, 0), 0);
  ASSERT_EQ(::shutdown(socket.get(), SHUT_WR), 0);
  EXPECT_THAT(read_line(socket.get()), HasSubstr("\"echo\""));
  EXPECT_EQ(read_line(socket.get()), "") << "then it is over";
}

TEST_F(ControlServerTest, AHandlerThatThrowsIsAnErrorOfItsRequestOnly) {
  start({{"throw", [](const Message&, Asker&) -> Result<Message> { throw std::bad_alloc(); }}});
  EXPECT_EQ(say("throw").error().code, Errc::internal);
  EXPECT_EQ(say("throw").error().code, Errc::internal);
}

TEST_F(ControlServerTest, AnAnswerThatDoesNotComeIsATimeout) {
  std::promise<void> told;
  start({{"echo", [&](const Message& request, Asker&) -> Result<Message> {
            told.get_future().wait_for(kLimit);
            return request;
          }}});
  EXPECT_EQ(ask(path_, {{"command", std::string("echo")}}, Duration(1)).error().code,
            Errc::timeout);
  told.set_value();
  server_.reset();  // The answer may begin only now, and needs `told`.
}

}  // namespace
}  // namespace lazymirror::testing
