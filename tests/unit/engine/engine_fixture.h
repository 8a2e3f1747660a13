// SPDX-License-Identifier: Apache-2.0
//
// An engine over a FakeWeb and a real cache, with calls that wait for their
// answers, and a listener that writes down what it is told.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "fake_web.h"
#include "support/oracle_origin.h"
#include "support/temp_dir.h"
#include "support/waiting.h"

namespace lazymirror::testing {

inline constexpr std::uint64_t kChunk = 64u << 10, kMiB = 1u << 20;

// The wall clock can be put forward; deadlines run in real time.
class TestClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] std::int64_t wall_ns() const override { return system_.wall_ns() + forward_ns_; }
  void forward(Duration by) {
    forward_ns_ += std::chrono::duration_cast<std::chrono::nanoseconds>(by).count();
  }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> forward_ns_{0};
};

// "entry NAME", "directory ID", "complete NAME", "evicted NAME", in order.
class Recorder final : public ChangeListener {
 public:
  void entry_changed(EntryId, const std::string& name, EntryId) override { add("entry " + name); }
  void directory_changed(EntryId id) override { add("directory " + std::to_string(id)); }
  void file_completed(EntryId, const std::string& name, EntryId) override {
    add("complete " + name);
  }
  void file_evicted(EntryId, const std::string& name, EntryId) override { add("evicted " + name); }
  void listed_ahead(EntryId id) override { add("ahead " + std::to_string(id)); }
  [[nodiscard]] bool wait_for(const std::string& event, int times = 1) const;
  [[nodiscard]] int count(const std::string& event) const;

 private:
  void add(const std::string& event);
  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  std::vector<std::string> events_;
};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest();
  ~EngineTest() override;

  using Wrap = std::function<std::unique_ptr<Cache>(std::unique_ptr<Cache>)>;
  void start(const Wrap& wrap = nullptr);
  void stop();

  [[nodiscard]] RequestContext soon(Duration in = Duration(60'000)) const {
    return {Priority::demand, clock.now() + in};
  }
  template <typename T>
  static Result<T> wait(const std::function<void(Completion<T>)>& ask) {
    auto answer = std::make_shared<std::promise<Result<T>>>();
    auto future = answer->get_future();
    ask([answer](Result<T> result) { answer->set_value(std::move(result)); });
    if (future.wait_for(std::chrono::seconds(120)) != std::future_status::ready) {
      ADD_FAILURE() << "never completed";
      return fail(Errc::internal, "never completed");
    }
    return future.get();
  }

  [[nodiscard]] Result<Attributes> lookup(EntryId directory, const std::string& name);
  [[nodiscard]] Result<Attributes> walk(const std::string& path);  // "a/b/c" from the root
  [[nodiscard]] Result<std::shared_ptr<const DirectoryView>> list(EntryId directory);
  [[nodiscard]] std::vector<std::string> names(EntryId directory);
  [[nodiscard]] std::shared_ptr<File> open(const std::string& path);
  [[nodiscard]] Result<> fill(const std::shared_ptr<File>& file, ByteRange range);
  // Fills and reads; the bytes have to be those of `version`.
  [[nodiscard]] ::testing::AssertionResult reads(const std::shared_ptr<File>& file,
                                                 const std::string& path, std::uint64_t version,
                                                 ByteRange range);

  TestClock clock;
  TempDir directory;
  std::shared_ptr<FakeWeb> web = std::make_shared<FakeWeb>();
  Recorder heard;
  // Nothing is asked for but what a test asks for.
  EngineOptions options{.url = FakeWeb::root(), .look_ahead = false};
  std::unique_ptr<Engine> engine;
};

}  // namespace lazymirror::testing
