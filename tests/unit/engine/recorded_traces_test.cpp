// SPDX-License-Identifier: Apache-2.0
//
// What real tools opened, in which order, recorded over a mount
// (tests/fixtures/traces/record.py): how much of it would they find fetched, and
// what is fetched that nobody uses? What is asked for ahead comes before the
// next step. The order of the tree is the engine's own (WalkOrder).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <list>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "engine/mirror_file.h"
#include "engine/walk_order.h"
#include "fetch/listing_look_ahead.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

const std::string kTraces = std::string(LAZYMIRROR_SOURCE_DIR) + "/tests/fixtures/traces/";
using Trace = std::vector<EntryId>;

// The tree of a recording, in a catalog with every directory listed.
class RecordedTree {
 public:
  explicit RecordedTree(const std::string& name) {
    auto opened = Catalog::open(work_.path() + "/catalog.db", "boot");
    if (!opened) throw std::runtime_error(opened.error().message);
    catalog_ = std::move(*opened);
    read_tree(kTraces + name + ".tree");
    read_traces(kTraces + name + ".traces");
  }

  struct Node {
    bool directory = false;
    std::uint64_t size = 0;
    EntryId parent = 0;
    std::vector<EntryId> directories;  // in it
  };
  [[nodiscard]] const Catalog& catalog() const { return *catalog_; }
  [[nodiscard]] const Node& node(EntryId id) const { return nodes_.at(id); }
  [[nodiscard]] const std::map<std::string, Trace>& traces() const { return traces_; }

 private:
  // Lines "SIZE PATH" or "- PATH/", depth first.
  void read_tree(const std::string& path) {
    std::ifstream lines(path);
    std::map<std::string, std::vector<ListedEntry>> listings;
    std::vector<std::string> paths;
    std::string size, name;
    while (lines >> size && std::getline(lines, name)) {
      name.erase(0, 1);
      paths.push_back(name);
      if (name.ends_with('/')) name.pop_back();
      if (name.empty()) continue;
      const auto slash = name.rfind('/');
      const std::string base = slash == name.npos ? name : name.substr(slash + 1);
      ListedEntry entry{*EntryName::make(base), base, EntryKind::directory, {}, {}};
      if (size != "-") {
        entry.kind = EntryKind::file;
        entry.size = std::stoull(size);
      }
      listings[slash == name.npos ? "" : name.substr(0, slash + 1)].push_back(std::move(entry));
    }
    store(kRootId, "", listings);
    for (const std::string& each : paths) ids_.push_back(by_path_.at(each));
  }

  void store(EntryId directory, const std::string& path,
             const std::map<std::string, std::vector<ListedEntry>>& listings) {
    by_path_[path] = directory;
    nodes_[directory].directory = true;
    nodes_[directory].parent = nodes_[directory].parent == 0 ? directory : nodes_[directory].parent;
    const auto entries = listings.find(path);
    if (entries == listings.end()) return;
    ASSERT_TRUE(catalog_->store_listing(directory, entries->second, 1, 2));
    const auto children = catalog_->children(directory);
    ASSERT_TRUE(children);
    for (const Entry& child : *children) {
      nodes_[child.id].parent = directory;
      if (child.kind == EntryKind::directory) {
        nodes_[directory].directories.push_back(child.id);
        store(child.id, path + child.name + "/", listings);
      } else {
        nodes_[child.id].size = *child.size;
        by_path_[path + child.name] = child.id;
      }
    }
  }

  // Lines "TOOL: 3-9 12 14-20".
  void read_traces(const std::string& path) {
    std::ifstream lines(path);
    for (std::string line; std::getline(lines, line);) {
      const auto colon = line.find(": ");
      if (colon == line.npos) continue;
      Trace& trace = traces_[line.substr(0, colon)];
      std::istringstream runs(line.substr(colon + 2));
      for (std::string run; runs >> run;) {
        const auto dash = run.find('-');
        const std::size_t first = std::stoul(run);
        const std::size_t last = dash == run.npos ? first : std::stoul(run.substr(dash + 1));
        for (std::size_t i = first; i <= last; ++i) trace.push_back(ids_.at(i));
      }
    }
  }

  TempDir work_;
  std::unique_ptr<Catalog> catalog_;
  std::map<EntryId, Node> nodes_;
  std::map<std::string, EntryId> by_path_;
  std::vector<EntryId> ids_;  // of the lines
  std::map<std::string, Trace> traces_;
};

struct Score {
  std::size_t hits = 0, uses = 0;  // of files, or directories, used for the first time
  std::uint64_t needed = 0, in_vain = 0;

  [[nodiscard]] std::string text() const {
    return std::to_string(hits) + " of " + std::to_string(uses) + " were there, " +
           std::to_string(in_vain) + " beside " + std::to_string(needed) + " in vain";
  }
};

// Opens files as the engine's FileAhead is told of it.
class Reader final : private SiblingPrefetch::Tree {
 public:
  explicit Reader(const RecordedTree& tree) : tree_(tree) {}

  Score read(const Trace& trace) {
    for (const EntryId id : trace) {
      const auto& node = tree_.node(id);
      if (!node.directory && node.size <= MirrorFile::kSmall) use(id, node.size);
    }
    for (const EntryId id : fetched_) {
      (used_.contains(id) ? score_.needed : score_.in_vain) += tree_.node(id).size;
    }
    return score_;
  }

 private:
  static constexpr std::size_t kKeptFiles = 256;  // as the engine does

  void use(EntryId id, std::uint64_t size) {
    const bool missing = !fetched_.contains(id);
    if (used_.insert(id).second) {
      ++score_.uses;
      score_.hits += missing ? 0 : 1;
    }
    fetched_.insert(id);
    const bool first = !is_open(id);
    if (!first || (!missing && prefetch_.unused() == 0)) return;
    for (const EntryId hint : prefetch_.on_use(id, size, missing)) fetched_.insert(hint);
  }
  bool is_open(EntryId id) {
    const auto found = std::find(open_.begin(), open_.end(), id);
    const bool was_open = found != open_.end();
    if (was_open) open_.erase(found);
    open_.push_front(id);
    if (open_.size() > kKeptFiles) open_.pop_back();
    return was_open;
  }
  std::vector<SiblingPrefetch::File> following(SiblingPrefetch::Order order, EntryId file,
                                               std::size_t limit, bool) override {
    const auto from = tree_.catalog().get(file);
    EXPECT_TRUE(from);
    std::vector<SiblingPrefetch::File> files;
    for (const auto& [entry, level] : WalkOrder(tree_.catalog(), order, *from).next(limit)) {
      const bool wanted = !fetched_.contains(entry.id) && *entry.size <= MirrorFile::kSmall;
      files.push_back({entry.id, *entry.size, wanted, level});
    }
    return files;
  }

  const RecordedTree& tree_;
  SiblingPrefetch prefetch_{*this};
  std::list<EntryId> open_;
  std::set<EntryId> fetched_, used_;
  Score score_;
};

// Lists directories as the engine's ListingAhead is told of it.
class Lister final : private ListingLookAhead::Tree {
 public:
  explicit Lister(const RecordedTree& tree) : tree_(tree) {}

  Score list(const Trace& trace) {
    for (const EntryId id : trace) {
      if (tree_.node(id).directory) visit(id);
    }
    for (const EntryId id : listed_) ++(visited_.contains(id) ? score_.needed : score_.in_vain);
    return score_;
  }

 private:
  void visit(EntryId id) {
    const bool missing = listed_.insert(id).second;
    if (visited_.insert(id).second) {
      ++score_.uses;
      score_.hits += missing ? 0 : 1;
    }
    if (std::exchange(latest_, id) == id) return;
    if (tree_.node(id).directories.empty() && !missing && ahead_.unused() == 0) return;
    fetch(ahead_.on_visit(id, tree_.node(id).parent));
  }
  void fetch(std::vector<EntryId> hints) {
    while (!hints.empty()) {
      std::vector<EntryId> more;
      for (const EntryId id : hints) {
        listed_.insert(id);
        for (const EntryId next : ahead_.on_arrival(id, tree_.node(id).parent))
          more.push_back(next);
      }
      hints = std::move(more);
    }
  }
  std::vector<EntryId> unlisted(EntryId directory, EntryId after, std::size_t limit) override {
    std::vector<EntryId> ids;
    if (!listed_.contains(directory)) return ids;
    for (const EntryId id : tree_.node(directory).directories) {
      if (id > after && !listed_.contains(id) && ids.size() < limit) ids.push_back(id);
    }
    return ids;
  }

  const RecordedTree& tree_;
  ListingLookAhead ahead_{*this};
  std::set<EntryId> listed_, visited_;
  EntryId latest_ = 0;
  Score score_;
};

class RecordedTracesTest : public ::testing::Test {
 protected:
  using Tools = std::vector<std::string>;

  static Score files(const RecordedTree& tree, const std::string& tool) {
    return Reader(tree).read(tree.traces().at(tool));
  }
  static Score listings(const RecordedTree& tree, const std::string& tool) {
    return Lister(tree).list(tree.traces().at(tool));
  }
  // At least that part was there before it was asked for.
  static void expect_hits(const Score& score, double part, const std::string& tool) {
    EXPECT_GE(static_cast<double>(score.hits), part * static_cast<double>(score.uses))
        << tool << ": " << score.text();
  }

  RecordedTree library_{"library"}, sources_{"sources"};
};

TEST_F(RecordedTracesTest, WhoReadsATreeInOrderFindsItsFilesFetched) {
  for (const auto& tool : Tools{"tar", "cp -r", "rsync -a", "grep -r", "find and cat"}) {
    expect_hits(files(library_, tool), 0.98, tool);
  }
  expect_hits(files(library_, "tar of a directory"), 0.9, "tar of a directory");
}

TEST_F(RecordedTracesTest, ReadersBesideEachOtherFindMostOfTheirs) {
  for (const auto& tool : Tools{"find and 4 x cat", "8 x sha256sum", "diff -r"}) {
    expect_hits(files(library_, tool), 0.8, tool);
  }
}

TEST_F(RecordedTracesTest, WhoLeavesFilesOutFindsSomeOfTheRest) {
  expect_hits(files(library_, "find, names sorted"), 0.7, "find, names sorted");
  expect_hits(files(library_, "find and grep -l in some"), 0.8, "find and grep -l in some");
  expect_hits(files(sources_, "compiler"), 0.35, "compiler");
  expect_hits(files(sources_, "2 x compiler"), 0.45, "2 x compiler");
}

TEST_F(RecordedTracesTest, OverAllOfThemATenthIsFetchedInVainAtMost) {
  Score all;
  for (const RecordedTree* tree : {&library_, &sources_}) {
    for (const auto& [tool, trace] : tree->traces()) {
      const Score score = files(*tree, tool);
      RecordProperty(tool, score.text());
      EXPECT_LE(score.in_vain, score.needed / 10 + SiblingPrefetch::kFirstCredit) << tool;
      all.needed += score.needed;
      all.in_vain += score.in_vain;
    }
  }
  EXPECT_LE(all.in_vain, all.needed / 10);
}

TEST_F(RecordedTracesTest, WhoWalksATreeWaitsForItsFirstListingsOnly) {
  for (const auto& tool : Tools{"ls -lR", "find", "du", "tar", "cp -r", "rsync -a", "grep -r",
                                "diff -r", "find, level by level", "ls of each"}) {
    const Score score = listings(library_, tool);
    EXPECT_LE(score.uses - score.hits, 2u) << tool << ": " << score.text();
  }
}

TEST_F(RecordedTracesTest, OfAllListingsAnEighthIsFetchedInVainAtMost) {
  Score all;
  for (const RecordedTree* tree : {&library_, &sources_}) {
    for (const auto& [tool, trace] : tree->traces()) {
      const Score score = listings(*tree, tool);
      all.needed += score.needed;
      all.in_vain += score.in_vain;
    }
  }
  EXPECT_LE(all.in_vain, all.needed / 8) << all.text();
}

}  // namespace
}  // namespace lazymirror::testing
