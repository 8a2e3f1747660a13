// SPDX-License-Identifier: Apache-2.0
//
// A cache in place against a map of names: listings, placing, filling, evicting
// and discarding in random order, by runs in place and not, that end well, by a
// kill or by a power loss. What a user sees is always right or not there.
#include <fcntl.h>
#include <sys/stat.h>

#include <map>

#include "model/random_steps.h"
#include "unit/cache/in_place_fixture.h"

namespace lazymirror {
namespace {

using test::expect_ok;
using test::kChunk;
using test::value;

constexpr int kSteps = 3'000;
constexpr std::size_t kNames = 6;
constexpr std::string_view kPoison = "lazymirror: NOT FETCHED YET ...\n";

struct Expected {
  bool is_directory = false;
  unsigned version = 0;
  std::uint64_t size = 0;
  std::set<std::uint64_t> present;  // chunks
  std::set<std::uint64_t> may_be;   // written, but a crash may have taken the record
};

struct Tree {
  EntryId id = 0;
  std::map<std::string, Expected> names;
};

class InPlaceModelTest : public test::InPlaceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(test::InPlaceTest::SetUp());
    if (IsSkipped()) return;
    trees_[""] = {kRootId, {}};
    relist("");
  }
  void step();
  void relist(const std::string& where);
  void change(Expected& expected);
  void place_and_check(const std::string& where);
  void check_file(const std::string& path, const std::string& name, EntryId id, Expected& expected);
  void check_bytes(const UniqueFd& fd, const std::string& path, const Expected& expected);
  void fill_some(const std::string& where);
  void read_some(const std::string& where);
  void give_up(const std::string& where, bool evict);
  void give_up_tail(const std::string& where);
  void restart();
  void forget_unsure();
  Expected* any_file(const std::string& where, std::string& name);
  std::shared_ptr<CachedFile> object(const std::string& where, const std::string& name) {
    return value(cache_->file(id_of(name, trees_.at(where).id)));
  }
  std::string any_tree() {
    return std::next(trees_.begin(), static_cast<std::ptrdiff_t>(random_.below(trees_.size())))
        ->first;
  }
  static std::string at(const std::string& where, const std::string& name) {
    return where.empty() ? name : where + "/" + name;
  }

  test::RandomSteps random_;
  std::map<std::string, Tree> trees_;  // by path: the root, and directories in it
  unsigned versions_ = 0;
  bool in_place_ = true;
  int boots_ = 1;
  std::map<std::string, int> done_;
};
INSTANTIATE_TEST_SUITE_P(On, InPlaceModelTest,
                         ::testing::Values(testing::SmallFs::Kind::ext4,
                                           testing::SmallFs::Kind::xfs),
                         test::name_of_fs);

void InPlaceModelTest::change(Expected& expected) {
  expected = Expected{};
  expected.version = ++versions_;
  expected.size = random_.one_in(8) ? 0 : random_.below(3 * kChunk + 100);
}

void InPlaceModelTest::relist(const std::string& where) {
  Tree& tree = trees_.at(where);
  for (std::size_t i = 0; i < kNames; ++i) {
    const std::string name = "n" + std::to_string(i);
    const auto choice = random_.below(10);
    if (choice < 2) change(tree.names[name]);
    if (choice == 2) tree.names.erase(name);
    if (choice == 3 && where.empty()) tree.names[name] = Expected{true, 0, 0, {}, {}};
  }
  std::vector<ListedEntry> entries;
  for (const auto& [name, e] : tree.names) {
    entries.push_back(e.is_directory
                          ? test::listed_directory(name)
                          : test::listed_file(name, e.size, test::utc(1'000'000 + e.version)));
  }
  list(std::move(entries), tree.id);
  if (!where.empty()) return;
  std::erase_if(trees_, [&](const auto& item) {
    const auto found = tree.names.find(item.first);
    return !item.first.empty() && (found == tree.names.end() || !found->second.is_directory);
  });
  for (const auto& [name, e] : tree.names) {
    if (!e.is_directory || trees_.contains(name)) continue;
    trees_[name] = {id_of(name), {}};
    relist(name);
  }
}

void InPlaceModelTest::place_and_check(const std::string& where) {
  Tree& tree = trees_.at(where);
  const auto placement = place(tree.id);
  ASSERT_TRUE(placement.complete());
  ASSERT_TRUE(value(cache_->is_placed(tree.id)));
  std::set<std::string> wanted;
  for (const auto& [name, e] : tree.names) wanted.insert(name);
  ASSERT_EQ(names(where), wanted);
  for (auto& [name, e] : tree.names) {
    if (e.is_directory) {
      ASSERT_TRUE(is_current(name));
    } else {
      check_file(at(where, name), name, tree.id, e);
    }
  }
}

void InPlaceModelTest::check_file(const std::string& path, const std::string& name,
                                  EntryId directory, Expected& expected) {
  SCOPED_TRACE(path);
  const auto st = stat_of(path);
  ASSERT_EQ(static_cast<std::uint64_t>(st.st_size), expected.size);
  ASSERT_EQ(st.st_mtim.tv_sec, 1'000'000 + expected.version);
  ASSERT_EQ(st.st_mode & 07777u, 0444u);
  ASSERT_TRUE(is_current(path));
  const auto f = value(cache_->file(id_of(name, directory)));
  for (std::uint64_t chunk = 0; chunk * kChunk < expected.size; ++chunk) {
    const bool is = f->is_present(clipped(chunk * kChunk, kChunk, expected.size));
    if (expected.may_be.erase(chunk) > 0 && is) expected.present.insert(chunk);
    ASSERT_EQ(is, expected.present.contains(chunk)) << "chunk " << chunk;
  }
  if (shares_blocks() && expected.size > 0) expect_no_hole(path);
  check_bytes(open(path), path, expected);
}

void InPlaceModelTest::check_bytes(const UniqueFd& fd, const std::string& path,
                                   const Expected& expected) {
  const auto got = raw(fd, {0, expected.size});
  const auto truth = test::bytes_of({0, expected.size}, expected.version);
  for (std::uint64_t i = 0; i < expected.size; ++i) {
    if (got[i] == truth[i]) continue;
    // A run that is not in place leaves zeros behind a transfer that was broken
    // off, up to the end of the block.
    const char poison = kPoison[i % kPoison.size()];
    const bool empty = got[i] == std::byte(0) || (shares_blocks() && got[i] == std::byte(poison));
    ASSERT_TRUE(empty) << path << " at " << i;
    ASSERT_FALSE(expected.present.contains(i / kChunk)) << path << " at " << i;
  }
}

Expected* InPlaceModelTest::any_file(const std::string& where, std::string& name) {
  name = "n" + std::to_string(random_.below(kNames));
  Tree& tree = trees_.at(where);
  const auto found = tree.names.find(name);
  return found == tree.names.end() || found->second.is_directory ? nullptr : &found->second;
}

void InPlaceModelTest::fill_some(const std::string& where) {
  std::string name;
  Expected* e = any_file(where, name);
  if (e == nullptr || e->size == 0) return;
  const std::uint64_t chunks = (e->size + kChunk - 1) / kChunk;
  const std::uint64_t first = random_.below(chunks);
  const std::uint64_t end = std::min(e->size, first * kChunk + random_.below(3 * kChunk));
  const auto bytes = test::bytes_of({first * kChunk, end}, e->version);
  const auto writer = value(object(where, name)->write_from(first * kChunk));
  value(writer->append(bytes));
  for (std::uint64_t c = first; c * kChunk < end; ++c) {
    if (std::min(e->size, (c + 1) * kChunk) <= end) {
      e->present.insert(c);
      e->may_be.erase(c);
    }
  }
  ++done_["filled"];
}

void InPlaceModelTest::read_some(const std::string& where) {
  std::string name;
  Expected* e = any_file(where, name);
  if (e == nullptr || e->size == 0) return;
  const ByteRange range = clipped(random_.below(e->size), 1 + random_.below(kChunk), e->size);
  bool sure = true;
  bool possible = true;
  for (auto c = range.begin / kChunk; c <= (range.end - 1) / kChunk; ++c) {
    sure &= e->present.contains(c);
    possible &= e->present.contains(c) || e->may_be.contains(c);
  }
  const auto got = test::read_bytes(*object(where, name), range);
  ASSERT_TRUE(got || !sure) << name;
  ASSERT_TRUE(!got || possible) << name;
  const bool right = !got || *got == test::bytes_of(range, e->version);
  ASSERT_TRUE(right) << "wrong bytes in " << name;
  ++done_[got ? "read" : "missed"];
}

void InPlaceModelTest::give_up(const std::string& where, bool evict) {
  std::string name;
  Expected* e = any_file(where, name);
  if (e == nullptr) return;
  if (!evict || !in_place_) {
    expect_ok(object(where, name)->discard());
  } else {
    const std::string path = data(at(where, name));
    const bool held = random_.one_in(2) && std::filesystem::is_regular_file(path);
    // Of an older listing when the directory is not placed: then it is no use.
    const UniqueFd reader = held ? open(at(where, name)) : UniqueFd();
    const bool busy = held && e->size > 0 && is_current(at(where, name));
    const auto evicted = cache_->evict(id_of(name, trees_.at(where).id), guards_);
    ASSERT_EQ(!evicted && evicted.error().code == Errc::busy, busy)
        << (evicted ? "evicted" : evicted.error().message);
    ++done_[busy ? "refused" : "evicted"];
    if (busy) return;
  }
  e->present.clear();
  e->may_be.clear();
}

void InPlaceModelTest::give_up_tail(const std::string& where) {
  std::string name;
  Expected* e = any_file(where, name);
  if (e == nullptr || e->size == 0) return;
  const auto given =
      cache_->evict_tail(id_of(name, trees_.at(where).id), 1 + random_.below(2 * kChunk), guards_);
  ASSERT_TRUE(given) << given.error().message;
  if (*given == 0) return;
  ++done_["gave a part"];
  // Chunks that a crash may have taken are not among them: all is recorded.
  const auto f = object(where, name);
  std::erase_if(e->present, [&](std::uint64_t chunk) {
    return !f->is_present(clipped(chunk * kChunk, kChunk, e->size));
  });
  std::erase_if(e->may_be, [&](std::uint64_t chunk) {
    return !f->is_present(clipped(chunk * kChunk, kChunk, e->size));
  });
  std::uint64_t left = 0;
  for (const auto chunk : e->present) left += clipped(chunk * kChunk, kChunk, e->size).size();
  for (const auto chunk : e->may_be) left += clipped(chunk * kChunk, kChunk, e->size).size();
  ASSERT_EQ(f->present_bytes(), left);
}

// What was not flushed may be gone.
void InPlaceModelTest::forget_unsure() {
  for (auto& [path, tree] : trees_) {
    for (auto& [name, e] : tree.names) {
      e.may_be.merge(e.present);
      e.present.clear();
    }
  }
}

void InPlaceModelTest::restart() {
  in_place_ = random_.one_in(2);
  const auto how = random_.below(4);
  if (how == 0) {
    start(in_place_);
  } else {
    if (random_.one_in(2)) {
      expect_ok(cache_->flush());
    } else {
      forget_unsure();
    }
    crash("boot" + std::to_string(how == 1 ? ++boots_ : boots_), in_place_);
  }
  ++done_[in_place_ ? "started in place" : "started otherwise"];
}

void InPlaceModelTest::step() {
  const auto choice = random_.below(100);
  const std::string where = any_tree();
  if (choice < 40) {
    fill_some(where);
  } else if (choice < 60) {
    read_some(where);
  } else if (choice < 70) {
    if (in_place_) place_and_check(where);
  } else if (choice < 90) {
    random_.one_in(4) ? give_up_tail(where) : give_up(where, choice < 87);
  } else if (choice < 95) {
    relist(where);
  } else if (choice < 98) {
    restart();
  } else {
    expect_ok(cache_->flush());
  }
}

TEST_P(InPlaceModelTest, UsersSeeRightBytesOrNone) {
  SCOPED_TRACE(random_.seed_text());
  for (int i = 0; i < kSteps && !HasFailure(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    step();
  }
  for (const char* what : {"filled", "read", "missed", "evicted", "refused", "gave a part",
                           "started in place", "started otherwise"}) {
    if (HasFailure()) return;
    EXPECT_GT(done_[what], 0) << what;
  }
}

}  // namespace
}  // namespace lazymirror
