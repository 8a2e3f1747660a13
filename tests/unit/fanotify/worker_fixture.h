// SPDX-License-Identifier: Apache-2.0
//
// A worker over a real engine, cache and fanotify group on a small file system
// of its own. The engine works through the mount that the group ignores; the
// user looks through a second one, where events are told. The origin is a
// FakeWeb; the keeper is the test's.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fanotify/evictor.h"
#include "fanotify/worker.h"
#include "support/loop_fs.h"
#include "unit/engine/engine_fixture.h"
#include "unit/engine/fake_web.h"
#include "unit/fanotify/test_keeper.h"

namespace lazymirror::testing {

class WorkerTest : public ::testing::TestWithParam<SmallFs::Kind> {
 protected:
  WorkerTest();
  ~WorkerTest() override;
  void SetUp() override;

  void prepare();       // all but the worker; after stop(): all of it anew, but for the disk
  void start_worker();  // also another one
  void start();         // both, and waits until it is ready
  Result<fanotify::WorkerEnd> worker_end();
  void stop();

  [[nodiscard]] std::string view(const std::string& path) const;     // what users see
  [[nodiscard]] std::string through(const std::string& path) const;  // past all events
  [[nodiscard]] UniqueFd open_quietly(const std::string& path, int flags = O_RDONLY) const;
  [[nodiscard]] std::vector<std::string> names_in_view(const std::string& path) const;
  [[nodiscard]] EntryId id(const std::string& path) const;
  [[nodiscard]] std::size_t events();
  [[nodiscard]] bool has_trap(const std::string& path);
  // The channel holds all that it can: nothing more is said before the keeper reads.
  [[nodiscard]] bool waits_for_the_keeper() const;

  std::shared_ptr<FakeWeb> web = std::make_shared<FakeWeb>();
  fanotify::WorkerOptions options;
  fanotify::EventMode mode = fanotify::EventMode::pre_access;
  EngineOptions engine_options{FakeWeb::root()};
  TestClock clock;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<TestKeeper> keeper;
  std::optional<fanotify::Group> group;

 private:
  void open_group();

  std::unique_ptr<SmallFs> fs_;
  TempDir places_;
  std::string view_;
  std::optional<fanotify::Channel> channel_;  // the worker's end
  fanotify::TrapEnds trap_ends_;
  std::future<Result<fanotify::WorkerEnd>> end_;
  std::thread worker_;
};

}  // namespace lazymirror::testing
