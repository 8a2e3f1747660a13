// SPDX-License-Identifier: Apache-2.0
//
// What the scheduler itself costs: the target delivers at once.
#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <stdexcept>

#include "base/clock.h"
#include "base/guarded.h"
#include "cache/chunk_map.h"
#include "fetch/fill_scheduler.h"

namespace lazymirror {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{1} << 30;
constexpr std::uint32_t kChunk = 64 << 10;
constexpr std::uint64_t kRead = 128 << 10;

class InstantTarget final : public FillTarget {
 public:
  std::uint64_t size() const override { return kSize; }
  std::uint64_t chunk_size() const override { return kChunk; }
  bool is_present(ByteRange range) override {
    return map_.with([&](ChunkMap& map) { return map.is_present(range); });
  }
  std::optional<ByteRange> first_missing(ByteRange range) override {
    return map_.with([&](ChunkMap& map) { return map.first_missing(range); });
  }
  ByteRange request_for(ByteRange missing) override { return missing; }
  void start(ByteRange range, SteadyTime, std::shared_ptr<TransferObserver> observer) override {
    map_.with([&](ChunkMap& map) {
      for (std::uint64_t at = range.begin; at < range.end; at += kChunk) map.set(map.chunk_at(at));
    });
    static_cast<void>(observer->on_present(range));
    observer->on_end({});
  }

 private:
  Guarded<ChunkMap> map_{std::in_place, kSize, kChunk};
};

struct Parts {
  SystemClock clock;
  TransferQueue queue{8};
  TimerQueue timers;
  FillScheduler scheduler{{}, queue, timers, clock};
};

void fill(Parts& parts, const std::shared_ptr<FillTarget>& target, std::uint64_t at) {
  bool done = false;
  parts.scheduler.fill(target, {at, at + kRead}, {.deadline = parts.clock.now() + Duration(60'000)},
                       [&](Result<> result) { done = result.has_value(); });
  if (!done) throw std::runtime_error("not filled");
}

void read_what_is_missing(benchmark::State& state) {
  Parts parts;
  auto target = std::make_shared<InstantTarget>();
  std::uint64_t at = 0;
  for (auto _ : state) {
    fill(parts, target, at);
    at += kRead;
    if (at < kSize) continue;
    state.PauseTiming();
    target = std::make_shared<InstantTarget>();
    at = 0;
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_what_is_missing)->Name("scheduler: reads that start a transfer");

void read_what_is_present(benchmark::State& state) {
  Parts parts;
  const auto target = std::make_shared<InstantTarget>();
  fill(parts, target, 0);
  for (auto _ : state) fill(parts, target, 0);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_what_is_present)->Name("scheduler: reads of what is present");

}  // namespace
}  // namespace lazymirror
