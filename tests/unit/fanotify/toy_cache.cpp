// SPDX-License-Identifier: Apache-2.0
#include "toy_cache.h"

#include <signal.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "fanotify/claims.h"
#include "support/waiting.h"

namespace lazymirror::fanotify {
namespace {

constexpr std::uint64_t kImage = 512u << 20;

}  // namespace

ToyCache::ToyCache(testing::SmallFs::Kind kind) : fs_(kind, kImage), path_(fs_.path() + "/cache") {
  std::filesystem::create_directories(path_ + "/data");
  std::filesystem::create_directories(path_ + "/meta");
}

ToyCache::~ToyCache() {
  if (keeper_ && keeper_->running()) {
    keeper_->signal(SIGTERM);
    (void)keeper_->wait(std::chrono::seconds(15));
  }
  keeper_.reset();
  const auto guard = look_at_claim(guard_path(path_));
  if (!guard || guard->state != ClaimState::held) return;
  if (!end_claimant(guard->claimant, Duration{30'000})) {
    (void)kill_claimant(guard->claimant, Duration{30'000});
  }
}

std::string ToyCache::add(const std::string& name) {
  const std::string file = path_ + "/data/" + name;
  std::ofstream(file).close();
  std::filesystem::resize_file(file, kSize);
  // Any stamp: the guard of orphans takes it for a placeholder.
  if (::setxattr(file.c_str(), "user.lazymirror.id", "toy", 3, 0) != 0) {
    throw std::system_error(errno, std::generic_category(), "setxattr");
  }
  return file;
}

void ToyCache::launch(const std::string& behaviour, unsigned timeout_ms,
                      const std::string& descriptors) {
  keeper_.reset();
  testing::ChildOptions options;
  options.argv = {LAZYMIRROR_TOY_WATCH, path_, behaviour, std::to_string(timeout_ms)};
  if (!descriptors.empty()) options.argv.push_back(descriptors);
  options.log_file = logs_ / ("log-" + std::to_string(++runs_));
  keeper_ = std::make_unique<testing::ChildProcess>(std::move(options));
}

bool ToyCache::start(const std::string& behaviour, unsigned timeout_ms,
                     const std::string& descriptors) {
  launch(behaviour, timeout_ms, descriptors);
  return testing::eventually([&] {
           return keeper_->log().find("ready\n") != std::string::npos || !keeper_->running();
         }) &&
         keeper_->running();
}

bool ToyCache::start_fails_with(const std::string& behaviour, const std::string& sentence) {
  launch(behaviour, 20'000, {});
  return keeper_->wait(std::chrono::seconds(30)) == 1 &&
         keeper_->log().find("failed: " + sentence) != std::string::npos;
}

pid_t ToyCache::worker() const {
  const std::string pid = std::to_string(keeper_->pid());
  pid_t child = 0;
  std::ifstream("/proc/" + pid + "/task/" + pid + "/children") >> child;
  return child;
}

bool ToyCache::signal_worker(int number) const {
  const pid_t pid = worker();
  return pid > 0 && ::kill(pid, number) == 0;
}

pid_t ToyCache::worker_after(pid_t old) const {
  pid_t found = 0;
  const bool came = testing::eventually([&] {
    found = worker();
    return found != 0 && found != old;
  });
  return came ? found : 0;
}

std::string status_line(pid_t pid, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(key + ":")) continue;
    const auto begin = line.find_first_not_of(" \t", key.size() + 1);
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return {};
}

bool is_over(pid_t pid) {
  const std::string state = status_line(pid, "State");
  return state.empty() || state.starts_with('Z');
}

}  // namespace lazymirror::fanotify
