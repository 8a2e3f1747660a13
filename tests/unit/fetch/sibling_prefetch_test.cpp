// SPDX-License-Identifier: Apache-2.0
//
// The uses of files as tools make them, over a tree of 2,000 small files in 20
// directories: how many would find their file fetched, and how many bytes are
// fetched that nobody uses?
#include "fetch/sibling_prefetch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>

namespace lazymirror {
namespace {

using Id = SiblingPrefetch::Id;
using Trace = std::vector<Id>;

constexpr std::size_t kDirectories = 20, kFiles = 100;

// Files have ids in the order of the listing. Named by `by_name`.
class SmallFiles : public SiblingPrefetch::Tree {
 public:
  explicit SmallFiles(bool names_in_order = true) {
    std::mt19937 random(1);
    Trace all(kDirectories * kFiles);
    std::iota(all.begin(), all.end(), 1);
    for (const Id id : all) sizes_[id] = 500 + random() % 16'000;
    by_listing = by_name = all;
    for (std::size_t d = 0; d < kDirectories && !names_in_order; ++d) {
      const auto first = by_name.begin() + static_cast<std::ptrdiff_t>(d * kFiles);
      std::shuffle(first, first + kFiles, random);
    }
  }

  std::vector<SiblingPrefetch::File> following(SiblingPrefetch::Order order, Id file,
                                               std::size_t limit, bool sure) override {
    if (sure) asked_beyond.push_back(file);
    const Trace& all = order == SiblingPrefetch::Order::listing ? by_listing : by_name;
    auto at = std::find(all.begin(), all.end(), file);
    std::vector<SiblingPrefetch::File> found;
    while (at != all.end() && ++at != all.end() && found.size() < limit) {
      const bool crossed = directory(*at) != directory(*std::prev(at));
      found.push_back({*at, size(*at), !fetched.contains(*at), crossed ? 0 : 1});
    }
    return found;
  }
  [[nodiscard]] static std::size_t directory(Id id) { return (id - 1) / kFiles; }
  [[nodiscard]] std::uint64_t size(Id id) const { return sizes_.at(id); }

  Trace by_listing, by_name;
  std::set<Id> fetched;
  Trace asked_beyond;  // from where on it would be worth asking for what is not known

 private:
  std::map<Id, std::uint64_t> sizes_;
};

struct Score {
  std::size_t hits = 0, uses = 0;
  std::uint64_t needed = 0, in_vain = 0;
};

// What is asked for comes before the next use.
Score play(SmallFiles& tree, const Trace& trace) {
  SiblingPrefetch prefetch(tree);
  const std::set<Id> used(trace.begin(), trace.end());
  Score score;
  for (const Id id : trace) {
    ++score.uses;
    const bool missing = tree.fetched.insert(id).second;
    if (!missing) ++score.hits;
    for (const Id hint : prefetch.on_use(id, tree.size(id), missing)) {
      if (!tree.fetched.insert(hint).second) continue;
      if (!used.contains(hint)) score.in_vain += tree.size(hint);
    }
  }
  for (const Id id : used) score.needed += tree.size(id);
  return score;
}

Trace taken(const Trace& all, std::size_t first, std::size_t count, std::size_t step = 1) {
  Trace trace;
  for (std::size_t i = first; i < all.size() && trace.size() < count; i += step) {
    trace.push_back(all[i]);
  }
  return trace;
}

Trace shuffled(Trace trace, std::size_t within) {
  std::mt19937 random(2);
  for (std::size_t i = 0; i < trace.size(); i += within) {
    const auto first = trace.begin() + static_cast<std::ptrdiff_t>(i);
    std::shuffle(first, first + static_cast<std::ptrdiff_t>(std::min(within, trace.size() - i)),
                 random);
  }
  return trace;
}

// Each of `readers` goes through a part of its own.
Trace interleaved(const Trace& all, std::size_t readers) {
  Trace trace;
  const std::size_t part = all.size() / readers;
  for (std::size_t i = 0; i < part; ++i) {
    for (std::size_t r = 0; r < readers; ++r) trace.push_back(all[r * part + i]);
  }
  return trace;
}

// Sources one after the other, with a few headers of two directories each.
Trace build(const Trace& all) {
  std::mt19937 random(3);
  Trace trace;
  for (std::size_t source = 400; source < 600; ++source) {
    trace.push_back(all[source]);
    for (int i = 0; i < 5; ++i) trace.push_back(all[random() % 200]);
  }
  return trace;
}

TEST(SiblingPrefetchTest, ReadersBesideEachOtherLeaveEachOtherTheirGuesses) {
  SmallFiles tree;
  const Score score = play(tree, interleaved(taken(tree.by_listing, 0, 2'000), 8));
  EXPECT_GT(score.hits * 100, score.uses * 95) << score.hits << " of " << score.uses;
  EXPECT_LT(score.in_vain * 10, score.needed);
}

// Once more before those in front of it: two readers, one of whom has lost his pages.
TEST(SiblingPrefetchTest, AFileThatIsUsedTwiceIsCountedOnce) {
  SmallFiles tree;
  SiblingPrefetch prefetch(tree);
  const auto use = [&](Id id) {
    const bool missing = tree.fetched.insert(id).second;
    const auto hints = prefetch.on_use(id, tree.size(id), missing);
    tree.fetched.insert(hints.begin(), hints.end());
    return hints.size();
  };
  for (Id id = 1; id <= 20; ++id) use(id);
  for (int i = 0; i < 1'000; ++i) use(23);
  std::size_t hints = 0;
  for (const Id id : {21u, 22u, 24u, 25u, 26u, 27u, 28u}) hints += use(id);
  EXPECT_GT(hints, 0u) << "it goes on";
}

TEST(SiblingPrefetchTest, AfterSomeInARowWhatIsNotKnownIsWorthBeingAskedFor) {
  SmallFiles tree;
  play(tree, taken(tree.by_listing, 0, 6));
  EXPECT_TRUE(tree.asked_beyond.empty());
  play(tree, taken(tree.by_listing, 100, 40));
  EXPECT_FALSE(tree.asked_beyond.empty());
}

TEST(SiblingPrefetchTest, ArchivingATreeFindsNearlyAllOfItFetched) {
  SmallFiles tree;
  const Score score = play(tree, tree.by_listing);
  EXPECT_GE(score.hits, 1'980u);
  EXPECT_EQ(score.in_vain, 0u);
}

TEST(SiblingPrefetchTest, ReadingByNameWorksWhereTheListingHasAnotherOrder) {
  SmallFiles tree(false);
  const Score score = play(tree, taken(tree.by_name, 0, 100));
  EXPECT_GE(score.hits, 95u);
}

TEST(SiblingPrefetchTest, TheWindowGrowsToHundredsOfFiles) {
  SmallFiles tree;
  SiblingPrefetch prefetch(tree);
  for (std::size_t i = 0; i < 1'000; ++i) {
    (void)prefetch.on_use(tree.by_listing[i], tree.size(tree.by_listing[i]), true);
  }
  EXPECT_GE(prefetch.unused(), 100u);
}

TEST(SiblingPrefetchTest, ReadersInTurnCountAsOne) {
  SmallFiles tree;
  EXPECT_GE(play(tree, shuffled(taken(tree.by_listing, 0, 1'000), 8)).hits, 900u);
}

TEST(SiblingPrefetchTest, ReadersOfPartsOfTheirOwnAreToldApart) {
  SmallFiles tree;
  EXPECT_GE(play(tree, interleaved(tree.by_listing, 8)).hits, 1'800u);
}

TEST(SiblingPrefetchTest, LittleIsFetchedBeyondADirectoryThatWasReadAlone) {
  SmallFiles tree;
  const Score score = play(tree, taken(tree.by_listing, 0, kFiles));
  EXPECT_GE(score.hits, 95u);
  EXPECT_LE(score.in_vain, SiblingPrefetch::kBeyond * 16'500u);
}

TEST(SiblingPrefetchTest, RandomUsesFetchNearlyNothing) {
  SmallFiles tree;
  const Score score = play(tree, taken(shuffled(tree.by_listing, 2'000), 0, 300));
  EXPECT_LE(score.in_vain, score.needed / 10);
}

TEST(SiblingPrefetchTest, EveryTenthFileFetchesNothingAhead) {
  SmallFiles tree;
  const Score score = play(tree, taken(tree.by_listing, 0, 200, 10));
  EXPECT_EQ(score.in_vain, 0u);
  EXPECT_EQ(score.hits, 0u);
}

TEST(SiblingPrefetchTest, FilesThatAreThereAlreadyMayBeLeftOut) {
  SmallFiles tree;
  Trace trace;
  for (const Id id : tree.by_listing) {
    if (id % 3 == 0) {
      tree.fetched.insert(id);
    } else {
      trace.push_back(id);
    }
  }
  EXPECT_GE(play(tree, trace).hits, trace.size() - 10);
}

TEST(SiblingPrefetchTest, OverAllTracesATenthIsFetchedInVainAtMost) {
  const Trace all = SmallFiles().by_listing;
  const std::vector<std::pair<std::string, Trace>> traces{
      {"tar", all},
      {"tar that is stopped", taken(all, 0, 130)},
      {"cat of one directory", taken(all, 100, 100)},
      {"grep with readers in turn", shuffled(all, 8)},
      {"eight readers of their own parts", interleaved(all, 8)},
      {"a build", build(all)},
      {"file(1) over half of it", taken(all, 0, 1'000)},
      {"a few files by hand", {all[5], all[6], all[7], all[300], all[301], all[302]}},
      {"random", taken(shuffled(all, 2'000), 0, 500)},
      {"every tenth", taken(all, 0, 200, 10)},
      {"every second", taken(all, 0, 1'000, 2)},
      {"runs of four",
       [&] {
         Trace trace;
         for (std::size_t i = 0; i + 4 < all.size(); i += 40) {
           for (std::size_t k = 0; k < 4; ++k) trace.push_back(all[i + k]);
         }
         return trace;
       }()},
  };
  std::uint64_t needed = 0, in_vain = 0;
  for (const auto& [name, trace] : traces) {
    SmallFiles tree;
    const Score score = play(tree, trace);
    RecordProperty(name, std::to_string(score.hits) + "/" + std::to_string(score.uses) + ", " +
                             std::to_string(100 * score.in_vain / score.needed) + " % in vain");
    EXPECT_LE(score.in_vain, score.needed / 10 + SiblingPrefetch::kFirstCredit) << name;
    needed += score.needed;
    in_vain += score.in_vain;
  }
  EXPECT_LE(in_vain, needed / 10);
}

}  // namespace
}  // namespace lazymirror
