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

#include <future>
#include <thread>

#include "control/client.h"
#include "control/socket_place.h"
#include "support/skip.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

using namespace control;

using ::testing::HasSubstr;

constexpr Duration kLimit{20'000};

class ControlServerTest : public ::testing::Test {
 protected:
  void start(Handlers handlers) {
    auto server = ControlServer::start(path_, std::move(handlers));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  void start() {
    start({{"echo", [](const Message& request) { return Result<Message>(request); }},
           {"fail",
            [](const Message&) -> Result<Message> { return fail(Errc::busy, "it is in use"); }}});
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

TEST_F(ControlServerTest, AnAnswerThatDoesNotComeIsATimeout) {
  std::promise<void> told;
  start({{"echo", [&](const Message& request) -> Result<Message> {
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
