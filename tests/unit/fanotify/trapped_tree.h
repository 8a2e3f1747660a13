// SPDX-License-Identifier: Apache-2.0
//
// A view on a small file system with traps in it, and processes that walk
// there, for tests. The test's process leads a group of its own, walkers are in
// other groups. Nothing outlives the object. Not synchronised.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fanotify/traps.h"
#include "fanotify/view.h"
#include "support/loop_fs.h"
#include "support/temp_dir.h"

namespace lazymirror::fanotify {

// A child process that does one thing; its exit status is an errno.
class Walker {
 public:
  explicit Walker(const std::function<int()>& action) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::setsid();
    ::alarm(30);
    ::_exit(action());
  }
  Walker(Walker&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Walker(const Walker&) = delete;
  Walker& operator=(Walker&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Walker() {
    kill();
    (void)wait();
  }
  void kill() const {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Nothing while it runs; 128 + the signal that ended it.
  [[nodiscard]] std::optional<int> poll() {
    int status = 0;
    if (pid_ < 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int wait() {
    int status = 0;
    if (pid_ < 0 || ::waitpid(std::exchange(pid_, -1), &status, 0) < 0) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

inline int stat_errno(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? 0 : errno;
}

// The file holds what populate() wrote: its own path.
inline int read_errno(const std::string& path, const std::string& truth) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return errno;
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text == truth ? 0 : EBADMSG;
}

class TrappedTree {
 public:
  explicit TrappedTree(testing::SmallFs::Kind kind = testing::SmallFs::Kind::ext4,
                       const std::string& shown_at = {},
                       std::shared_ptr<const Clock> clock = std::make_shared<SystemClock>())
      : fs_(kind, 320u << 20) {
    ::setpgid(0, 0);
    const ViewPlaces places{fs_.path(), shown_at};
    if (::mkdir((fs_.path() + "/data").c_str(), 0755) != 0) throw std::runtime_error("mkdir");
    below_.reset(
        ::open_tree(AT_FDCWD, (fs_.path() + "/data").c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    auto view = View::show(places);
    if (!view) throw std::runtime_error(view.error().message);
    view_.emplace(std::move(*view));
    auto traps = Traps::create(std::move(view_->roots()[0]), view_->path(), std::move(clock));
    if (!traps) throw std::runtime_error(traps.error().message);
    traps_ = std::move(*traps);
    if (!shown_at.empty()) traps_->also_shown_at(shown_at);
    view_->open_door();
  }

  [[nodiscard]] Traps& traps() { return *traps_; }
  [[nodiscard]] std::unique_ptr<Traps> take_traps() { return std::move(traps_); }  // once
  [[nodiscard]] View& view() { return *view_; }
  [[nodiscard]] const std::string& path() const { return view_->path(); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path() + '/' + name; }
  // The same, not through the view.
  [[nodiscard]] std::string below(const std::string& name) const {
    return "/proc/self/fd/" + std::to_string(below_.get()) + '/' + name;
  }

  void make_directory(const std::string& name) const {
    if (::mkdir(below(name).c_str(), 0755) != 0) throw std::runtime_error("mkdir " + name);
  }
  void make_file(const std::string& name) const {
    std::ofstream(below(name), std::ios::binary) << name;
  }
  // A directory that holds `file`, and `levels` more such directories "d".
  void trap(const std::string& name, int levels) {
    levels_[next_] = {name, levels};
    make_directory(name);
    if (auto done = traps_->set(next_, name); !done) throw std::runtime_error(done.error().message);
    ++next_;
  }
  void populate(std::uint64_t key) {
    const auto [name, levels] = levels_.at(key);
    make_file(name + "/file");
    if (levels > 0) trap(name + "/d", levels - 1);
  }
  void let_on(const Traps::Caught& caught) {
    ++caught_;
    populate(caught.key);
    (void)traps_->release(caught.key, 0);
  }
  void serve_once() {
    for (const auto& caught : traps_->read()) let_on(caught);
  }
  // Until all walkers have ended: what they ended with.
  std::vector<int> serve(std::vector<Walker>& walkers) {
    std::vector<int> results;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!walkers.empty() && std::chrono::steady_clock::now() < deadline) {
      pollfd wanted{traps_->fd(), POLLIN, 0};
      (void)::poll(&wanted, 1, 5);
      serve_once();
      std::erase_if(walkers, [&](Walker& walker) {
        const auto result = walker.poll();
        if (result) results.push_back(*result);
        return result.has_value();
      });
    }
    return results;
  }
  int serve(Walker walker) {
    std::vector<Walker> walkers;
    walkers.push_back(std::move(walker));
    const auto results = serve(walkers);
    return results.size() == 1 ? results[0] : -1;
  }
  // Until `fd` is readable.
  bool serve_until(int fd) {
    for (int i = 0; i < 4000; ++i) {
      pollfd wanted{fd, POLLIN, 0};
      if (::poll(&wanted, 1, 5) == 1) return true;
      serve_once();
    }
    return false;
  }
  // The next that is caught.
  std::optional<Traps::Caught> wait_for_walk() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      pollfd wanted{traps_->fd(), POLLIN, 0};
      (void)::poll(&wanted, 1, 1000);
      if (auto caught = traps_->read(); !caught.empty()) return caught[0];
    }
    return std::nullopt;
  }
  [[nodiscard]] int caught() const { return caught_; }

 private:
  testing::SmallFs fs_;
  UniqueFd below_;
  std::optional<View> view_;
  std::unique_ptr<Traps> traps_;
  std::map<std::uint64_t, std::pair<std::string, int>> levels_;
  std::uint64_t next_ = 1;
  int caught_ = 0;
};

}  // namespace lazymirror::fanotify
