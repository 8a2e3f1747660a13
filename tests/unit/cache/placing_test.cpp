// SPDX-License-Identifier: Apache-2.0
//
// Cache::place() and what it promises of the names in the data tree.
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "unit/cache/in_place_fixture.h"

namespace lazymirror {
namespace {

namespace fs = std::filesystem;
using test::expect_ok;
using test::fill;
using test::kChunk;
using test::listed_directory;
using test::listed_file;
using test::utc;
using test::value;

class PlacingTest : public test::InPlaceTest {};
LM_ON_ALL_FILE_SYSTEMS(PlacingTest);

TEST_P(PlacingTest, ShowsEveryNameWithSizeTimeAndMode) {
  list({listed_file("file", 3 * kChunk + 5, utc(1'000'000'007)), listed_file("empty", 0),
        listed_file("undated", 10), listed_directory("sub")});
  const auto placement = place();
  EXPECT_TRUE(placement.complete());
  EXPECT_EQ(placement.made, 4u);
  ASSERT_EQ(placement.directories.size(), 1u);
  EXPECT_EQ(placement.directories[0].name, "sub");
  EXPECT_FALSE(placement.directories[0].placed);
  const auto file = stat_of("file");
  EXPECT_EQ(file.st_size, 3 * kChunk + 5);
  EXPECT_EQ(file.st_mtim.tv_sec, 1'000'000'007);
  EXPECT_EQ(file.st_mtim.tv_nsec, 0);
  EXPECT_EQ(file.st_mode, S_IFREG | 0444u);
  EXPECT_EQ(stat_of("empty").st_size, 0);
  EXPECT_EQ(stat_of("undated").st_mtim.tv_sec, clock_.ns / 1'000'000'000);
  EXPECT_EQ(stat_of("sub").st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(stat_of("").st_mtim.tv_sec, clock_.ns / 1'000'000'000);
  EXPECT_TRUE(value(cache_->is_placed(kRootId)));
  EXPECT_TRUE(fs::is_empty(fs_->path() + "/cache/meta/tmp"));
}

TEST_P(PlacingTest, NamesAreGuardedBeforeTheyCanBeSeen) {
  list({listed_file("file", 10), listed_file("empty", 0), listed_directory("sub")});
  place();
  EXPECT_EQ(guards_->files, (std::set<ino_t>{stat_of("file").st_ino}));
  EXPECT_EQ(guards_->directories, (std::set<ino_t>{stat_of("sub").st_ino}));
}

TEST_P(PlacingTest, PlaceholdersHaveNoHolesWhereBlocksCanBeShared) {
  EXPECT_EQ(cache_->can_poison(), shares_blocks());
  list({listed_file("small", 10), listed_file("page", 4096), listed_file("odd", 1'000'001),
        listed_file("huge", std::uint64_t{10} << 30)});
  place();
  for (const char* name : {"small", "page", "odd", "huge"}) {
    if (!shares_blocks()) {
      EXPECT_EQ(stat_of(name).st_blocks, 0) << name;
      continue;
    }
    expect_no_hole(name);
    const auto fd = open(name);
    const auto size = static_cast<std::uint64_t>(stat_of(name).st_size);
    for (const std::byte b : raw(fd, {size - std::min<std::uint64_t>(size, 5000), size})) {
      ASSERT_NE(b, std::byte{0}) << name;
    }
  }
  EXPECT_GT(fs_->free_bytes(), std::uint64_t{500} << 20);
}

TEST_P(PlacingTest, FillingGoesIntoTheFileThatReadersHaveOpen) {
  list({listed_file("file", 3 * kChunk + 5, utc(1'000'000'007))});
  place();
  const auto reader = open("file");
  fill(*file("file"), {0, 3 * kChunk + 5});
  EXPECT_TRUE(raw(reader, {0, 3 * kChunk + 5}) == test::bytes_of({0, 3 * kChunk + 5}));
  EXPECT_TRUE(is_current("file"));
  const auto st = stat_of("file");
  EXPECT_EQ(st.st_mtim.tv_sec, 1'000'000'007);
  EXPECT_EQ(st.st_mtim.tv_nsec, 0);
  EXPECT_TRUE(file("file")->is_complete());
}

TEST_P(PlacingTest, FilledFilesSurviveARestart) {
  list({listed_file("file", 3 * kChunk + 5)});
  place();
  fill(*file("file"), {0, 2 * kChunk});
  const auto inode = stat_of("file").st_ino;
  start();
  EXPECT_TRUE(value(cache_->is_placed(kRootId)));
  EXPECT_EQ(file("file")->present_bytes(), 2 * kChunk);
  fill(*file("file"), {2 * kChunk, 3 * kChunk + 5});
  EXPECT_EQ(stat_of("file").st_ino, inode);
  expect_present("file", {0, 3 * kChunk + 5});
}

TEST_P(PlacingTest, PlacingAgainKeepsWhatStands) {
  list({listed_file("file", 3 * kChunk), listed_file("whole", kChunk), listed_directory("sub")});
  place();
  fill(*file("whole"), {0, kChunk});
  expect_ok(cache_->flush());
  const auto inode = stat_of("file").st_ino;
  guards_->clear();
  const auto again = place();
  EXPECT_EQ(again.kept, 3u);
  EXPECT_EQ(again.made + again.replaced + again.removed, 0u);
  EXPECT_EQ(stat_of("file").st_ino, inode);
  EXPECT_EQ(guards_->files, (std::set<ino_t>{inode})) << "incomplete files are guarded again";
  expect_present("whole", {0, kChunk});
}

// tar(1) says of a directory whose ctime moves that it changed while it was read.
TEST_P(PlacingTest, PlacingAgainMovesNoTimes) {
  list({listed_file("file", 3 * kChunk), listed_directory("sub")});
  place();
  const auto before = stat_of("");
  const auto sub = stat_of("sub");
  place();
  const auto has_moved = [&](const struct stat& was, const std::string& name) {
    const auto is = stat_of(name);
    return is.st_ctim.tv_sec != was.st_ctim.tv_sec || is.st_ctim.tv_nsec != was.st_ctim.tv_nsec;
  };
  EXPECT_FALSE(has_moved(before, ""));
  EXPECT_FALSE(has_moved(sub, "sub"));
}

TEST_P(PlacingTest, ANewListingIsPlacedAsADifference) {
  list({listed_file("same", 10), listed_file("grows", 10), listed_file("goes", 10),
        listed_directory("becomes-file"), listed_file("becomes-directory", 5)});
  place();
  fill(*file("grows"), {0, 10});
  const auto old = open("grows");
  const auto same = stat_of("same").st_ino;
  list({listed_file("same", 10), listed_file("grows", 20), listed_file("new", 10),
        listed_file("becomes-file", 7), listed_directory("becomes-directory")});
  EXPECT_FALSE(value(cache_->is_placed(kRootId)));
  EXPECT_TRUE(fs::exists(data("goes"))) << "until it is placed";
  const auto placement = place();
  EXPECT_EQ(placement.removed, 1u);
  EXPECT_EQ(names(),
            (std::set<std::string>{"same", "grows", "new", "becomes-file", "becomes-directory"}));
  EXPECT_EQ(stat_of("same").st_ino, same);
  EXPECT_EQ(stat_of("grows").st_size, 20);
  EXPECT_TRUE(raw(old, {0, 10}) == test::bytes_of({0, 10})) << "who has it open keeps it";
  EXPECT_FALSE(identity_of(old)->current);
  EXPECT_TRUE(S_ISREG(stat_of("becomes-file").st_mode));
  EXPECT_TRUE(S_ISDIR(stat_of("becomes-directory").st_mode));
}

TEST_P(PlacingTest, ForeignFilesAreNotOurs) {
  list({listed_file("file", 10), listed_directory("sub")});
  place();
  EXPECT_EQ(identity_of(open("file"))->id, id_of("file"));
  EXPECT_EQ(identity_of(open("sub"))->id, id_of("sub"));
  EXPECT_EQ(identity_of(open("sub"))->kind, EntryKind::directory);
  EXPECT_TRUE(is_current("sub"));
  EXPECT_EQ(identity_of(open(""))->id, kRootId);
  EXPECT_TRUE(is_current(""));
  const std::string copy = "cp -a " + data("file") + " " + fs_->path() + "/copy";
  ASSERT_EQ(std::system(copy.c_str()), 0);
  EXPECT_FALSE(identity_of(value(open_fd(AT_FDCWD, fs_->path() + "/copy", O_RDONLY))));
  EXPECT_FALSE(identity_of(value(open_fd(AT_FDCWD, "/proc/self/exe", O_RDONLY))));
}

TEST_P(PlacingTest, DirectoriesBelowAreReachedByTheirPath) {
  list({listed_directory("a")});
  const auto a = id_of("a");
  list({listed_directory("b")}, a);
  const auto b = id_of("b", a);
  list({listed_file("file", 10)}, b);
  place();
  place(a);
  place(b);
  const auto file = id_of("file", b);
  EXPECT_EQ(value(cache_->path_in_place(file)), "a/b/file");
  EXPECT_EQ(value(cache_->path_in_place(kRootId)), "");
  const auto fd = value(cache_->open_in_place(file, O_RDONLY));
  struct stat st {};
  ASSERT_EQ(::fstat(fd.get(), &st), 0);
  EXPECT_EQ(st.st_ino, stat_of("a/b/file").st_ino);
  EXPECT_TRUE(value(cache_->is_placed(b)));
  const auto again = place(a);
  EXPECT_TRUE(again.directories.at(0).placed);
}

TEST_P(PlacingTest, FilesOfUnknownSizeAreLeftOutAndTold) {
  list({listed_file("known", 10), listed_file("unknown")});
  const auto placement = place();
  EXPECT_EQ(placement.unsized, std::vector<EntryId>{id_of("unknown")});
  EXPECT_FALSE(value(cache_->is_placed(kRootId)));
  EXPECT_EQ(names(), std::set<std::string>{"known"});
  value(cache_->record_file(id_of("unknown"), Version{33, "", std::nullopt}));
  EXPECT_TRUE(place().complete());
  EXPECT_TRUE(value(cache_->is_placed(kRootId)));
  EXPECT_EQ(stat_of("unknown").st_size, 33);
}

TEST_P(PlacingTest, OldFileStaysUntilTheNewSizeIsKnown) {
  list({listed_file("file", 10, utc(1'000))});
  place();
  fill(*file("file"), {0, 10});
  list({listed_file("file", std::nullopt, utc(2'000))});
  EXPECT_EQ(place().unsized.size(), 1u);
  expect_present("file", {0, 10});
  EXPECT_FALSE(is_current("file"));
  value(cache_->record_file(id_of("file"), Version{12, "", std::nullopt}));
  EXPECT_EQ(place().replaced, 1u);
  EXPECT_EQ(stat_of("file").st_size, 12);
  EXPECT_TRUE(is_current("file"));
}

TEST_P(PlacingTest, TakenAwayFilesAreMadeAgain) {
  list({listed_file("file", 2 * kChunk), listed_directory("sub")});
  place();
  fill(*file("file"), {0, kChunk});
  const auto held = file("file");
  fs::remove(data("file"));
  fs::remove(data("sub"));
  std::ofstream(data("stranger")) << "x";
  const auto placement = place();
  EXPECT_EQ(placement.removed, 1u);
  EXPECT_EQ(names(), (std::set<std::string>{"file", "sub"}));
  EXPECT_TRUE(is_current("file"));
  EXPECT_EQ(held->present_bytes(), 0u);
  fill(*held, {0, 2 * kChunk});
  expect_present("file", {0, 2 * kChunk});
}

TEST_P(PlacingTest, ADirectoryOfAnEarlierEntryIsReplaced) {
  list({listed_directory("sub")});
  const auto before = id_of("sub");
  list({listed_file("stale", 10)}, before);
  place();
  place(before);
  list({});
  list({listed_directory("sub")});
  place();
  EXPECT_EQ(names("sub"), std::set<std::string>{});
  EXPECT_NE(id_of("sub"), before);
  EXPECT_EQ(identity_of(open("sub"))->id, id_of("sub"));
}

TEST_P(PlacingTest, TruncatedFilesAreMadeAgain) {
  list({listed_file("file", 2 * kChunk)});
  place();
  fill(*file("file"), {0, 2 * kChunk});
  start();
  ASSERT_EQ(::truncate(data("file").c_str(), 5), 0);
  EXPECT_EQ(place().replaced, 1u);
  EXPECT_EQ(stat_of("file").st_size, 2 * kChunk);
  EXPECT_EQ(file("file")->present_bytes(), 0u);
  EXPECT_TRUE(is_current("file"));
}

TEST_P(PlacingTest, ATakenAwayDirectoryIsPlacedAnew) {
  list({listed_directory("sub")});
  const auto sub = id_of("sub");
  list({listed_file("file", 10)}, sub);
  place();
  place(sub);
  fs::remove_all(data("sub"));
  EXPECT_FALSE(place().directories.at(0).placed);
  EXPECT_FALSE(value(cache_->is_placed(sub)));
  place(sub);
  EXPECT_EQ(names("sub"), std::set<std::string>{"file"});
  fs::remove_all(data("sub"));
  place(sub);
  EXPECT_EQ(names("sub"), std::set<std::string>{"file"});
  EXPECT_TRUE(is_current("sub"));
}

TEST_P(PlacingTest, FilesTooLargeForAnyFileSystemAreLeftOut) {
  list({listed_file("lie", std::uint64_t{1} << 62), listed_file("file", 1)});
  EXPECT_TRUE(place().complete());
  EXPECT_EQ(names(), std::set<std::string>{"file"});
}

TEST_P(PlacingTest, UnlistedDirectoriesCannotBePlaced) {
  EXPECT_EQ(cache_->place(kRootId, guards_).error().code, Errc::busy);
  EXPECT_FALSE(value(cache_->is_placed(kRootId)));
}

TEST_P(PlacingTest, DataThatIsPrefetchedBeforeAllStandsIsKept) {
  list({listed_directory("sub")});
  const auto sub = id_of("sub");
  list({listed_file("file", 2 * kChunk)}, sub);
  const auto f = value(cache_->file(id_of("file", sub)));
  fill(*f, {0, kChunk});
  place();
  place(sub);
  fill(*f, {kChunk, 2 * kChunk});
  expect_present("sub/file", {0, 2 * kChunk});
  EXPECT_TRUE(is_current("sub/file"));
  EXPECT_TRUE(is_current("sub"));
}

TEST_P(PlacingTest, DiscardedBytesLeaveAPlaceholder) {
  list({listed_file("file", 2 * kChunk)});
  place();
  const auto f = file("file");
  fill(*f, {0, 2 * kChunk});
  const auto old = open("file");
  guards_->clear();
  expect_ok(f->discard());
  EXPECT_FALSE(identity_of(old)->current);
  EXPECT_TRUE(is_current("file"));
  EXPECT_TRUE(guards_->has_file(stat_of("file").st_ino));
  EXPECT_TRUE(raw(old, {0, 2 * kChunk}) == test::bytes_of({0, 2 * kChunk}));
  fill(*f, {0, 2 * kChunk}, 1);
  expect_present("file", {0, 2 * kChunk}, 1);
}

TEST_P(PlacingTest, WritesGoThroughWhatOpensFilesQuietly) {
  int asked = 0;
  bool can = true;
  CacheOptions o = options();
  o.open_quietly = [&](int file) -> Result<UniqueFd> {
    ++asked;
    if (!can) return fail(Errc::unsupported, "cannot");
    return open_fd(AT_FDCWD, "/proc/self/fd/" + std::to_string(file), O_RDWR);
  };
  start(std::move(o));
  list({listed_file("quiet", 2 * kChunk, utc(5)), listed_file("plain", kChunk, utc(5))});
  place();
  fill(*file("quiet"), {0, 2 * kChunk});
  EXPECT_EQ(asked, 1);
  EXPECT_NE(stat_of("quiet").st_mtim.tv_sec, 5) << "it is trusted to move no times";
  expect_present("quiet", {0, 2 * kChunk});
  can = false;
  fill(*file("plain"), {0, kChunk});
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(stat_of("plain").st_mtim.tv_sec, 5);
  expect_present("plain", {0, kChunk});
}

// Printed, not asserted: the machine may be busy.
TEST_P(PlacingTest, SpeedOfPlaceholders) {
  constexpr int kFiles = 5'000;
  std::vector<ListedEntry> entries;
  for (int i = 0; i < kFiles; ++i) {
    entries.push_back(listed_file("file-" + std::to_string(i), 20'000 + i, utc(1'000'000 + i)));
  }
  list(std::move(entries));
  const auto timed = [&](const char* what) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(place().complete());
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    std::printf("%s: %.0f files/s\n", what, kFiles / taken.count());
  };
  timed("made");
  timed("looked at again");
  EXPECT_EQ(names().size(), std::size_t{kFiles});
}

}  // namespace
}  // namespace lazymirror
