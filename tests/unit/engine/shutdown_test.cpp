// SPDX-License-Identifier: Apache-2.0
//
// The end of an engine: everybody who waits is told, once.
#include <thread>

#include "engine_fixture.h"

namespace lazymirror::testing {
namespace {

using namespace std::chrono_literals;

class ShutdownTest : public EngineTest {};

TEST_F(ShutdownTest, CompletesEveryWaiterOnceWithCancelled) {
  web->put("/d/a", {10});
  web->put("/u", {10});
  web->put("/big", {64 * kMiB});
  start();
  ASSERT_TRUE(list(kRootId));
  const auto d = walk("d");
  const auto file = open("big");
  web->hold();
  std::atomic<int> cancelled{0}, other{0};
  const auto count = [&](bool ok, const Error* error) {
    ++(!ok && error->code == Errc::cancelled ? cancelled : other);
  };
  for (int i = 0; i < 50; ++i) {
    engine->lookup(d->id, "a", soon(), [&](auto r) { count(bool(r), r ? nullptr : &r.error()); });
    engine->list(d->id, soon(), [&](auto r) { count(bool(r), r ? nullptr : &r.error()); });
    const std::uint64_t at = static_cast<std::uint64_t>(i) * kMiB;
    engine->fill(file, {at, at + 1}, soon(),
                 [&](auto r) { count(bool(r), r ? nullptr : &r.error()); });
    engine->read_uncached(file, {at, at + 1}, soon(),
                          [&](auto r) { count(bool(r), r ? nullptr : &r.error()); });
  }
  stop();
  EXPECT_EQ(cancelled, 200);
  EXPECT_EQ(other, 0);
}

TEST_F(ShutdownTest, EndsWhileAnswersArrive) {
  for (int i = 0; i < 50; ++i) web->put("/f" + std::to_string(i), {kMiB});
  web->set_style(FakeWeb::Style::names_only);
  for (int round = 0; round < 5; ++round) {
    start();
    std::atomic<int> answers{0};
    Engine* const ending = engine.get();  // may still be called by completions while it ends
    for (int i = 0; i < 50; ++i) {
      engine->lookup(kRootId, "f" + std::to_string(i), soon(), [&, ending](Result<Attributes> r) {
        if (r) {
          if (auto file = ending->open(r->id)) {
            ending->fill(*file, {0, kMiB}, soon(), [](Result<>) {});
          }
        }
        ++answers;
      });
    }
    EXPECT_TRUE(eventually([&] { return answers > round * 8; }));
    stop();
    EXPECT_EQ(answers, 50);
  }
}

TEST_F(ShutdownTest, AListenerThatWasTakenAwayIsNotCalledAnyMore) {
  web->put("/a", {kMiB});
  start();
  auto temporary = std::make_unique<Recorder>();
  engine->set_listener(temporary.get());
  const auto file = open("a");
  std::promise<Result<>> filled;
  engine->fill(file, {0, kMiB}, soon(), [&](Result<> r) { filled.set_value(std::move(r)); });
  engine->set_listener(nullptr);
  temporary.reset();  // a call after this is caught by the sanitizers
  EXPECT_TRUE(filled.get_future().get());
}

TEST_F(ShutdownTest, WhatWasFetchedIsThereAfterTheStop) {
  web->put("/a", {4 * kMiB});
  start();
  EXPECT_TRUE(reads(open("a"), "a", 1, {kMiB, 2 * kMiB}));
  stop();
  web->fail_all(Errc::unreachable);
  start();
  EXPECT_TRUE(reads(open("a"), "a", 1, {kMiB, 2 * kMiB}));
}

}  // namespace
}  // namespace lazymirror::testing
