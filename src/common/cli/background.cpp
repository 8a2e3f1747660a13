// SPDX-License-Identifier: Apache-2.0
#include "cli/background.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "cli/run.h"
#include "cli/terminal.h"

namespace lazymirror::cli {
namespace {

constexpr char kReady = 'R';
constexpr char kFailed = 'F';

bool write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  return true;
}

// Up to the end, or up to the first byte if that says it all.
std::string read_word(int fd) {
  std::string word;
  std::array<char, 512> buffer{};
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return word;
    word.append(buffer.data(), static_cast<std::size_t>(n));
    if (word[0] == kReady) return word;
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

int report_death(int status) {
  const std::string how = WIFSIGNALED(status)
                              ? "by signal " + std::to_string(WTERMSIG(status))
                              : "with status " + std::to_string(WEXITSTATUS(status));
  print_error("the daemon ended before the tree was shown, " + how +
              ": try --foreground --log-level=debug");
  return kFailure;
}

int parent(pid_t child, UniqueFd from_child, const std::function<Result<>()>& check) {
  const std::string word = read_word(from_child.get());
  if (word.empty()) return report_death(wait_for(child));
  if (word[0] == kFailed) {
    print_error(word.substr(1));
    const int status = wait_for(child);
    return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : kFailure;
  }
  const auto checked = check();
  if (checked) return kSuccess;
  ::kill(child, SIGTERM);
  print_error(checked.error().message);
  return kFailure;
}

}  // namespace

Result<> Readiness::ready() {
  if (!to_parent_.valid()) return {};
  ::setsid();
  leave_standard_streams();
  const bool heard = write_all(to_parent_.get(), std::string(1, kReady));
  to_parent_.reset();
  if (heard) return {};
  return fail(Errc::cancelled, "the program that was waiting for the mount has gone");
}

void leave_standard_streams() {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (null.valid()) ::dup2(null.get(), fd);
  }
}

void Readiness::failed(const std::string& sentence) {
  if (!to_parent_.valid()) {
    print_error(sentence);
    return;
  }
  write_all(to_parent_.get(), kFailed + sentence);
  to_parent_.reset();
}

int run_in_background(const std::function<int(Readiness&)>& work,
                      const std::function<Result<>()>& check) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    print_error(os_error(errno, "cannot make a pipe").message);
    return kFailure;
  }
  UniqueFd from_child(ends[0]);
  UniqueFd to_parent(ends[1]);
  std::fflush(nullptr);  // or the child would write it again
  const pid_t child = ::fork();
  if (child < 0) {
    print_error(os_error(errno, "cannot start the daemon").message);
    return kFailure;
  }
  if (child > 0) {
    to_parent.reset();
    return parent(child, std::move(from_child), check);
  }
  from_child.reset();
  // The terminal and its signals stay ours until we are ready.
  Readiness readiness(std::move(to_parent));
  return work(readiness);
}

}  // namespace lazymirror::cli
