// SPDX-License-Identifier: Apache-2.0
#include "unit/fuse/test_mount.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "fuse/mount.h"
#include "support/mounts.h"
#include "support/private_mounts.h"

namespace lazymirror::testing {
namespace {

const auto* const environment = ::testing::AddGlobalTestEnvironment(new PrivateMounts(needs_fuse));

std::vector<std::string> daemon_argv(const std::string& mountpoint, const std::string& data,
                                     const std::string& io,
                                     const std::vector<std::string>& options) {
  std::vector<std::string> argv = {LAZYMIRROR_FUSE_TEST_DAEMON, mountpoint, data, data + "/socket",
                                   io};
  for (const std::string& option : options) {
    argv.emplace_back("-o");
    argv.push_back(option);
  }
  return argv;
}

UniqueFd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* target = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd.get(), target, sizeof address) != 0) fd.reset();
  return fd;
}

}  // namespace

TestMount::TestMount(const std::string& io, std::vector<std::string> options)
    : io_(io), options_(std::move(options)) {
  mountpoint_ = work_.make_dir("mnt");
  data_ = work_.make_dir("data");
  start();
}

TestMount::~TestMount() {
  if (daemon_ != nullptr) end_daemon();
  unmount_below(mountpoint_);
}

// A clean end is part of every test, and so is what a sanitizer has to say.
void TestMount::end_daemon() {
  if (daemon_->running()) {
    EXPECT_EQ(ask("stop"), "ok");
    EXPECT_EQ(daemon_->wait(seconds(30)), 0) << "the daemon must end cleanly";
  }
  daemon_->kill();
  const std::string log = daemon_->log();
  EXPECT_EQ(log.find("Sanitizer"), std::string::npos);
  if (::testing::Test::HasFailure()) ADD_FAILURE() << "the daemon's log:\n" << log;
}

void TestMount::start() {
  ::unlink((data_ + "/socket").c_str());
  daemon_ = std::make_unique<ChildProcess>(ChildOptions{
      .argv = daemon_argv(mountpoint_, data_, io_, options_), .log_file = data_ + "/log"});
  // It listens before it mounts and answers after.
  mounted_ =
      eventually([&] { return connect_to(data_ + "/socket").valid() || !daemon_->running(); }) &&
      ask("strategy").find(": ") != std::string::npos;
  EXPECT_TRUE(mounted_) << "the daemon did not mount";
}

std::string TestMount::ask(const std::string& command) {
  const UniqueFd fd = connect_to(data_ + "/socket");
  if (!fd.valid() || ::write(fd.get(), command.data(), command.size()) < 0) return "no daemon";
  pollfd answer{fd.get(), POLLIN, 0};
  if (::poll(&answer, 1, 15'000) != 1) return "no answer";
  char line[512];
  const ssize_t n = ::read(fd.get(), line, sizeof line);
  return n <= 1 ? std::string("no answer") : std::string(line, static_cast<std::size_t>(n) - 1);
}

CommandResult run_daemon(const std::string& mountpoint, const std::string& data,
                         const std::string& io, const std::vector<std::string>& options) {
  return run_command(daemon_argv(mountpoint, data, io, options));
}

bool can_pass_through() {
  return fuse::version_text().find("without passthrough") == std::string::npos;
}

std::vector<std::string> ways() {
  if (!can_pass_through()) return {"cached"};
  return {"passthrough", "cached"};
}

}  // namespace lazymirror::testing
