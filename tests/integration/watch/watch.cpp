// SPDX-License-Identifier: Apache-2.0
#include "integration/watch/watch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include "base/unique_fd.h"
#include "support/private_mounts.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kFsBytes = 1u << 30;

const auto* const environment =
    ::testing::AddGlobalTestEnvironment(new PrivateMounts(needs_the_program_and_root));

}  // namespace

Watch::Watch(const Way& way)
    : fs(way.kind, kFsBytes), cache(fs.path() + "/cache"), options_(way.options) {}

std::unique_ptr<Daemon> Watch::start(std::vector<std::string> options, std::string shown_at) {
  options.insert(options.begin(), options_.begin(), options_.end());
  options.emplace_back("--log-level=debug");
  return std::make_unique<Daemon>(DaemonOptions{.url = origin.url(),
                                                .mountpoint = std::move(shown_at),
                                                .cache = cache,
                                                .options = std::move(options),
                                                .environment = environment,
                                                .in_place = true,
                                                .descriptors = descriptors},
                                  work);
}

std::unique_ptr<Daemon> Watch::watched(std::vector<std::string> options, std::string shown_at) {
  auto daemon = start(std::move(options), std::move(shown_at));
  const auto ready = daemon->ready();
  if (!ready) throw std::runtime_error(ready.message());
  return daemon;
}

std::vector<Way> each_fs() {
  return {
      {"Ext4", SmallFs::Kind::ext4}, {"Xfs", SmallFs::Kind::xfs}, {"Btrfs", SmallFs::Kind::btrfs}};
}

std::vector<Way> reflink_fs() {
  return {{"Xfs", SmallFs::Kind::xfs}, {"Btrfs", SmallFs::Kind::btrfs}};
}

std::vector<Way> other_ways() {
  const std::string without_ranges = "--events=access-perm", shared = "--shared-filesystem";
  return {{"Ext4WithoutRanges", SmallFs::Kind::ext4, {without_ranges}},
          {"XfsShared", SmallFs::Kind::xfs, {shared}},
          {"BtrfsSharedWithoutRanges", SmallFs::Kind::btrfs, {shared, without_ranges}}};
}

std::vector<Way> each_way() {
  std::vector<Way> ways = each_fs();
  const std::vector<Way> others = other_ways();
  ways.insert(ways.end(), others.begin(), others.end());
  return ways;
}

void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

std::string fs_name(const ::testing::TestParamInfo<Way>& info) { return info.param.name; }

int stat_error(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? 0 : errno;
}

int list_error(const std::string& path) {
  std::error_code error;
  const std::filesystem::directory_iterator names(path, error);
  return error.value();
}

Caught::Caught(std::function<int()> action) : result_(state_->result.get_future()) {
  std::thread([state = state_, action = std::move(action)] {
    state->thread = ::gettid();
    state->result.set_value(action());
  }).detach();
}

// The kernel's waits for a daemon's answer can be ended by a kill only: D.
bool Caught::waits() const {
  const std::string id = std::to_string(state_->thread);
  std::ifstream file("/proc/self/task/" + id + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  return name_end != std::string::npos && line.substr(name_end, 3) == ") D";
}

int Caught::error(std::chrono::seconds deadline) {
  if (result_.wait_for(deadline) != std::future_status::ready) return -1;
  return result_.get();
}

pid_t worker_of(pid_t keeper) {
  const std::string id = std::to_string(keeper);
  std::ifstream children("/proc/" + id + "/task/" + id + "/children");
  pid_t worker = -1;
  children >> worker;
  return worker;
}

Readers::Readers(std::vector<Target> targets, unsigned threads) : targets_(std::move(targets)) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, i] { read(i + 1); });
}

void Readers::stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::string Readers::first_wrong() const {
  const std::lock_guard lock(mutex_);
  return first_wrong_;
}

std::vector<int> Readers::errnos() const {
  const std::lock_guard lock(mutex_);
  return errnos_;
}

void Readers::note_error(int error) {
  ++errors_;
  const std::lock_guard lock(mutex_);
  if (std::find(errnos_.begin(), errnos_.end(), error) == errnos_.end()) errnos_.push_back(error);
}

void Readers::judge(const Target& target, std::uint64_t offset, std::span<const std::byte> bytes) {
  ++reads_;
  const auto mismatch = oracle_mismatch(target.truth, 1, offset, bytes);
  if (!mismatch) return;
  ++wrong_;
  const std::lock_guard lock(mutex_);
  if (!first_wrong_.empty()) return;
  first_wrong_ = target.path + " at " + std::to_string(offset + *mismatch) + ": byte " +
                 std::to_string(std::to_integer<int>(bytes[*mismatch]));
}

void Readers::read(unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> buffer(150'000);
  while (!stop_) {
    const Target& target = targets_[random() % targets_.size()];
    const UniqueFd fd(::open(target.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) {
      note_error(errno);
      std::this_thread::yield();
      continue;
    }
    for (int i = 0; i < 8 && !stop_; ++i) {
      const std::uint64_t offset = random() % target.size;
      const ssize_t n = ::pread(fd.get(), buffer.data(), 1 + random() % buffer.size(),
                                static_cast<off_t>(offset));
      if (n < 0) {
        note_error(errno);
        break;
      }
      judge(target, offset, std::span(buffer.data(), static_cast<std::size_t>(n)));
    }
  }
}

}  // namespace lazymirror::testing
