// SPDX-License-Identifier: Apache-2.0
#include "support/daemon.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "support/mounts.h"

namespace lazymirror::testing {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string& binary_path() {
  static std::string path = LAZYMIRROR_BINARY;
  return path;
}

ChildOptions launch(const DaemonOptions& options, const TempDir& work) {
  std::vector<std::string> argv{lazymirror_binary(), options.in_place ? "watch" : "mount",
                                "--foreground"};
  if (!options.in_place) argv.push_back("--cache-location=" + options.cache);
  argv.insert(argv.end(), options.options.begin(), options.options.end());
  argv.push_back(options.url);
  if (options.in_place) argv.push_back(options.cache);
  if (!options.mountpoint.empty()) argv.push_back(options.mountpoint);
  return {.argv = std::move(argv),
          .log_file = work / "lazymirror.log",
          .environment = options.environment,
          .descriptors = options.descriptors};
}

// The last that watch does is to open the door.
bool is_open(const std::string& directory) {
  struct stat info {};
  return ::stat(directory.c_str(), &info) == 0 && (info.st_mode & 0777) == 0755;
}

}  // namespace

std::string lazymirror_binary() { return binary_path(); }
void set_lazymirror_binary(const std::string& path) { binary_path() = path; }
bool lazymirror_is_built() { return ::access(binary_path().c_str(), X_OK) == 0; }

Daemon::Daemon(DaemonOptions options, const TempDir& work)
    : mountpoint_(options.mountpoint.empty() ? options.cache + "/data" : options.mountpoint),
      cache_(options.cache),
      in_place_(options.in_place),
      child_(launch(options, work)) {}

Daemon::~Daemon() {
  if (::testing::Test::HasFailure()) {
    std::cerr << "--- log of lazymirror (" << mountpoint_ << ")\n" << log() << "---\n";
  }
  child_.kill();
  clean_up();
}

void Daemon::clean_up() {
  // A killed keeper leaves its worker on guard.
  if (in_place_ && !over_) (void)run_command({lazymirror_binary(), "stop", cache_});
  // As an ordinary user only fusermount3 may unmount.
  for (int i = 0; i < 3 && !over_ && mount_at(mountpoint_); ++i) {
    unmount_below(mountpoint_);
    if (mount_at(mountpoint_)) (void)run_command({"fusermount3", "-u", "-z", mountpoint_});
  }
}

::testing::AssertionResult Daemon::ready(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const MountWatch watch;
  while (!answers()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return ::testing::AssertionFailure() << "not mounted in time\n" << log();
    if (child_.wait(milliseconds(0))) {
      return ::testing::AssertionFailure() << "lazymirror ended\n" << log();
    }
    // The opening of the door is no event.
    watch.wait(child_.pidfd(), in_place_ ? std::min(left, milliseconds(10)) : left);
  }
  return ::testing::AssertionSuccess();
}

// A dead mount of before, which the daemon is to take away, does not; stat(2) of
// its root would still be answered by the kernel.
bool Daemon::answers() const {
  const auto mount = mount_at(mountpoint_);
  if (in_place_) return mount && is_open(mountpoint_);
  struct statvfs info {};
  return mount && mount->type.starts_with("fuse") && ::statvfs(mountpoint_.c_str(), &info) == 0;
}

std::optional<int> Daemon::terminate(milliseconds timeout) {
  child_.signal(SIGTERM);
  return wait(timeout);
}

std::optional<int> Daemon::wait(milliseconds timeout) {
  const auto status = child_.wait(timeout);
  over_ = status && !mount_at(mountpoint_);
  return status;
}

void Daemon::kill() { child_.kill(); }

std::uint64_t Daemon::resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(child_.pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

}  // namespace lazymirror::testing
