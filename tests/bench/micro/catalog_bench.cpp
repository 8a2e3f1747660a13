// SPDX-License-Identifier: Apache-2.0
//
// The catalog on disk: listings stored, names looked up. The argument is the
// number of entries of the directory.
#include "cache/catalog.h"

#include <benchmark/benchmark.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace lazymirror {
namespace {

std::string name_of(std::int64_t i) { return "some-file-of-usual-length-" + std::to_string(i); }

std::vector<ListedEntry> listing_of(std::int64_t entries, EntryKind kind = EntryKind::file) {
  std::vector<ListedEntry> listing;
  for (std::int64_t i = 0; i < entries; ++i) {
    listing.push_back({.name = *EntryName::make(name_of(i)),
                       .href = name_of(i),
                       .kind = kind,
                       .size = 1000,
                       .mtime = ListedTime{.unix_ns = 1, .zone_known = true}});
  }
  return listing;
}

std::unique_ptr<Catalog> open_in(const testing::TempDir& home) {
  auto catalog = Catalog::open(home / "catalog.db", "this boot");
  if (!catalog) throw std::runtime_error(catalog.error().message);
  return *std::move(catalog);
}

void store(Catalog& catalog, const std::vector<ListedEntry>& listing, EntryId into = kRootId) {
  if (!catalog.store_listing(into, listing, 1, 2)) throw std::runtime_error("not stored");
}

constexpr std::int64_t kDirectories = 20;

// What a cold ls -lR asks of it: a listing for each of the directories.
void insert(benchmark::State& state) {
  const auto listing = listing_of(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    const testing::TempDir home;
    const auto catalog = open_in(home);
    store(*catalog, listing_of(kDirectories, EntryKind::directory));
    const auto directories = catalog->children(kRootId);
    state.ResumeTiming();
    for (const Entry& directory : *directories) store(*catalog, listing, directory.id);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * kDirectories);
}
BENCHMARK(insert)->Name("catalog: first listings, entries")->Arg(100)->Arg(5'000);

void refresh(benchmark::State& state) {
  const auto listing = listing_of(state.range(0));
  const testing::TempDir home;
  const auto catalog = open_in(home);
  store(*catalog, listing);
  for (auto _ : state) store(*catalog, listing);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(refresh)->Name("catalog: listing again unchanged, entries")->Arg(100)->Arg(20'000);

void look_up(benchmark::State& state) {
  const testing::TempDir home;
  const auto catalog = open_in(home);
  store(*catalog, listing_of(state.range(0)));
  std::int64_t i = 0;
  for (auto _ : state) {
    const auto found = catalog->find(kRootId, name_of(i));
    if (!found || !*found) throw std::runtime_error("not found");
    i = (i + 7919) % state.range(0);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(look_up)->Name("catalog: look up, names")->Arg(20'000);

void list(benchmark::State& state) {
  const testing::TempDir home;
  const auto catalog = open_in(home);
  store(*catalog, listing_of(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(catalog->children(kRootId));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(list)->Name("catalog: list, entries")->Arg(20'000);

}  // namespace
}  // namespace lazymirror
