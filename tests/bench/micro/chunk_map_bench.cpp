// SPDX-License-Identifier: Apache-2.0
//
// The chunk map of a file of 1 GiB, the largest with the smallest chunks.
#include "cache/chunk_map.h"

#include <benchmark/benchmark.h>

namespace lazymirror {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{1} << 30;
constexpr std::uint32_t kChunk = 64 << 10;

void set_every_chunk(benchmark::State& state) {
  for (auto _ : state) {
    ChunkMap map(kSize, kChunk);
    for (std::uint32_t chunk = 0; chunk < map.chunk_count(); ++chunk) map.set(chunk);
    benchmark::DoNotOptimize(map.is_complete());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kSize / kChunk));
}
BENCHMARK(set_every_chunk)->Name("chunk map: set, chunks");

// What a read of 128 KiB asks when all is there.
void ask_what_is_present(benchmark::State& state) {
  ChunkMap map(kSize, kChunk);
  for (std::uint32_t chunk = 0; chunk < map.chunk_count(); ++chunk) map.set(chunk);
  std::uint64_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(map.is_present({at, at + (128 << 10)}));
    at = (at + 7 * kChunk) % (kSize / 2);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ask_what_is_present)->Name("chunk map: is a read present, asks");

// The gap lies at the end.
void find_the_only_gap(benchmark::State& state) {
  ChunkMap map(kSize, kChunk);
  for (std::uint32_t chunk = 0; chunk + 1 < map.chunk_count(); ++chunk) map.set(chunk);
  for (auto _ : state) benchmark::DoNotOptimize(map.first_missing({0, kSize}));
  state.SetItemsProcessed(state.iterations() * map.chunk_count());
}
BENCHMARK(find_the_only_gap)->Name("chunk map: find the only gap, chunks");

}  // namespace
}  // namespace lazymirror
