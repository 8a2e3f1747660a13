// SPDX-License-Identifier: Apache-2.0
#include "support/child_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// What execve(2) will need, made before the fork: other threads may hold the
// allocator's lock at that moment.
struct Launch {
  explicit Launch(ChildOptions& options) : argv(pointers(options.argv)) {
    for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
    for (std::string& entry : options.environment) variables.push_back(entry);
    envp = pointers(variables);
    descriptors = options.descriptors;
    directory = options.directory.empty() ? nullptr : options.directory.c_str();
    if (!options.log_file.empty()) {
      log.reset(::open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    }
  }
  std::vector<char*> argv, envp;
  std::vector<std::string> variables;
  const char* directory = nullptr;
  std::vector<int> descriptors;  // room for copies: the child may not allocate
  UniqueFd log;
};

// First out of the way of each other.
void hand_down(std::vector<int>& descriptors) {
  const int count = static_cast<int>(descriptors.size());
  for (int& fd : descriptors) fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 3 + count);
  for (int i = 0; i < count; ++i) ::dup2(descriptors[static_cast<std::size_t>(i)], 3 + i);
}

// In the child; only async-signal-safe functions.
[[noreturn]] void become(Launch& launch, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(125);  // it died before the line above
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // A shell starts what it runs in the background with some of them ignored.
  for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
  if (launch.directory != nullptr && ::chdir(launch.directory) != 0) ::_exit(126);
  if (launch.log.valid()) {
    ::dup2(launch.log.get(), STDOUT_FILENO);
    ::dup2(launch.log.get(), STDERR_FILENO);
  }
  hand_down(launch.descriptors);
  ::execvpe(launch.argv[0], launch.argv.data(), launch.envp.data());
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(ChildOptions options) : log_file_(options.log_file) {
  Launch launch(options);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) become(launch, parent);
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

ChildProcess::~ChildProcess() { kill(); }

bool ChildProcess::running() { return !wait(milliseconds(0)).has_value(); }

void ChildProcess::signal(int number) {
  if (!status_) ::kill(pid_, number);
}

std::optional<int> ChildProcess::wait(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!status_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    pollfd fd{pidfd_.get(), POLLIN, 0};
    (void)::poll(&fd, 1, static_cast<int>(left.count()));
  }
  return status_;
}

void ChildProcess::kill() {
  signal(SIGKILL);
  (void)wait(std::chrono::seconds(30));
}

std::string ChildProcess::log() const { return slurp(log_file_); }

CommandResult run_command(std::vector<std::string> argv, milliseconds timeout) {
  const TempDir dir;
  ChildProcess child({.argv = std::move(argv), .log_file = dir / "output"});
  const std::optional<int> status = child.wait(timeout);
  child.kill();
  return {status, child.log()};
}

CommandResult run_shell(const std::string& line, milliseconds timeout) {
  return run_command({"/bin/bash", "-c", line}, timeout);
}

namespace {

sockaddr_in loopback(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool can_connect(unsigned port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

unsigned free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::system_error(errno, std::generic_category(), "bind");
  }
  return ntohs(address.sin_port);
}

bool wait_for_port(unsigned port, ChildProcess& child, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!can_connect(port)) {
    // Nothing tells when a stranger begins to listen; its end is an event.
    if (child.wait(milliseconds(5)) || Clock::now() > deadline) return false;
  }
  return true;
}

}  // namespace lazymirror::testing
