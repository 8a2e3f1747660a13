// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror watch` as a user runs it, on a file system that the test made:
// no mark is ever set on anything else. Needs root; everything happens in a
// mount namespace of the test program's own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "integration/program_over_oracle.h"
#include "support/child_process.h"
#include "support/daemon.h"
#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/oracle_origin.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "support/truth.h"
#include "support/waiting.h"

namespace lazymirror::testing {

// What a tree is watched on, and in which of the ways that watch has.
struct Way {
  std::string name;
  SmallFs::Kind kind;
  std::vector<std::string> options = {};
};
void PrintTo(const Way& way, std::ostream* out);  // for messages

class Watch : public ProgramOverOracle {
 protected:
  explicit Watch(SmallFs::Kind kind) : Watch(Way{.name = "", .kind = kind}) {}
  explicit Watch(const Way& way);

  std::unique_ptr<Daemon> start(std::vector<std::string> options = {}, std::string shown_at = "");
  // The same, and it must answer.
  std::unique_ptr<Daemon> watched(std::vector<std::string> options = {}, std::string shown_at = "");
  [[nodiscard]] std::string at(const std::string& path) const override {
    return cache + "/data" + path;
  }

  SmallFs fs;
  const std::string cache;
  // Of what is started next.
  std::vector<std::string> environment;
  std::vector<int> descriptors;

 private:
  const std::vector<std::string> options_;
};

class OnEachFs : public Watch, public ::testing::WithParamInterface<Way> {
 protected:
  OnEachFs() : Watch(GetParam()) {}
};
class OnReflinkFs : public OnEachFs {};

[[nodiscard]] std::vector<Way> each_fs();
[[nodiscard]] std::vector<Way> reflink_fs();
// Without ranges (as before Linux 6.14), with marks on single files, and both.
[[nodiscard]] std::vector<Way> other_ways();
[[nodiscard]] std::vector<Way> each_way();  // those, and each_fs()
[[nodiscard]] std::string fs_name(const ::testing::TestParamInfo<Way>& info);

// 0, or the errno.
[[nodiscard]] int stat_error(const std::string& path);
[[nodiscard]] int list_error(const std::string& path);

// A thread that does what may never end: 0 or an errno is its result.
class Caught {
 public:
  explicit Caught(std::function<int()> action);
  // In a system call, for somebody's answer.
  [[nodiscard]] bool waits() const;
  // -1 when it does not end: then it is left alone.
  [[nodiscard]] int error(std::chrono::seconds deadline = std::chrono::seconds(20));

 private:
  struct State {
    std::atomic<pid_t> thread{0};
    std::promise<int> result;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::future<int> result_;
};

// The worker of a keeper; -1 while there is none.
[[nodiscard]] pid_t worker_of(pid_t keeper);

// Readers at random places of files of the origin until stopped: every byte is
// compared. What they met is counted, so that a test can show that it met
// something.
class Readers {
 public:
  struct Target {
    std::string path;   // as it is opened
    std::string truth;  // as the origin calls it
    std::uint64_t size;
  };
  Readers(std::vector<Target> targets, unsigned threads);
  ~Readers() { stop(); }
  void stop();

  [[nodiscard]] std::uint64_t reads() const { return reads_; }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }
  [[nodiscard]] std::string first_wrong() const;
  [[nodiscard]] std::vector<int> errnos() const;  // that were met, each once

 private:
  void read(unsigned seed);
  void judge(const Target& target, std::uint64_t offset, std::span<const std::byte> bytes);
  void note_error(int error);

  const std::vector<Target> targets_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> reads_{0}, errors_{0}, wrong_{0};
  mutable std::mutex mutex_;
  std::string first_wrong_;
  std::vector<int> errnos_;
  std::vector<std::thread> threads_;
};

}  // namespace lazymirror::testing
