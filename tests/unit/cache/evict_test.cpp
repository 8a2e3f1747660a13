// SPDX-License-Identifier: Apache-2.0
//
// Cache::evict(): bytes go only while nobody can see it.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "model/random_steps.h"
#include "support/waiting.h"
#include "unit/cache/in_place_fixture.h"

namespace lazymirror {
namespace {

using test::expect_ok;
using test::fill;
using test::kChunk;
using test::listed_file;
using test::utc;
using test::value;

constexpr std::uint64_t kSize = 5 * kChunk + 77;

class EvictTest : public test::InPlaceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(test::InPlaceTest::SetUp());
    if (IsSkipped()) return;
    list({listed_file("file", kSize, utc(1'000'000'007))});
    place();
  }
  Errc evict_error() {
    const auto r = cache_->evict(id_of("file"), guards_);
    return r ? Errc::internal : r.error().code;
  }
  void fill_all() { value(value(file("file")->write_from(0))->append(truth_)); }
  void evict() { expect_ok(cache_->evict(id_of("file"), guards_)); }
  // Every block is of the origin, poison or a hole, and what counts as present
  // is of the origin.
  void expect_no_wrong_byte();
  void be_refused_unseen();
  void be_refused_among_openers();
  // Fills and evicts without end, and tells how far it is: "s"tarted, "f"illed,
  // "e"victed.
  [[noreturn]] void be_killed(int told);

  const std::vector<std::byte> truth_ = test::bytes_of({0, kSize});
};
LM_ON_ALL_FILE_SYSTEMS(EvictTest);

void EvictTest::expect_no_wrong_byte() {
  const auto f = file("file");
  const auto all = raw(open("file"), {0, kSize});
  for (std::uint64_t at = 0; at < kSize; at += 4096) {
    const std::uint64_t end = std::min(at + 4096, kSize);
    const std::string_view block(reinterpret_cast<const char*>(&all[at]), end - at);
    const bool right = std::equal(all.begin() + static_cast<std::ptrdiff_t>(at),
                                  all.begin() + static_cast<std::ptrdiff_t>(end),
                                  truth_.begin() + static_cast<std::ptrdiff_t>(at));
    const bool empty = shares_blocks() ? block.substr(0, 22) == "lazymirror: NOT FETCHE"
                                       : block == std::string(end - at, '\0');
    EXPECT_TRUE(right || empty) << "a mixed block at " << at;
    EXPECT_TRUE(right || !f->is_present({at, end})) << "believed, and wrong, at " << at;
  }
}

TEST_P(EvictTest, GivesTheBytesBack) {
  fill(*file("file"), {0, kSize});
  expect_ok(cache_->flush());
  const auto inode = stat_of("file").st_ino;
  guards_->clear();
  evict();
  EXPECT_EQ(file("file")->present_bytes(), 0u);
  EXPECT_TRUE(guards_->has_file(inode));
  EXPECT_EQ(stat_of("file").st_ino, inode);
  EXPECT_EQ(stat_of("file").st_mtim.tv_sec, 1'000'000'007);
  EXPECT_EQ(stat_of("file").st_size, static_cast<off_t>(kSize));
  EXPECT_TRUE(is_current("file"));
  if (shares_blocks()) {
    expect_no_hole("file");
  } else {
    EXPECT_EQ(stat_of("file").st_blocks, 0);
  }
  const auto reader = open("file");
  fill(*file("file"), {0, kSize}, 1);
  EXPECT_TRUE(raw(reader, {0, kSize}) == test::bytes_of({0, kSize}, 1));
}

TEST_P(EvictTest, EvictedBytesStayAwayAfterACrash) {
  fill(*file("file"), {0, kSize});
  evict();
  crash("boot1");
  EXPECT_EQ(file("file")->present_bytes(), 0u);
  EXPECT_TRUE(is_current("file"));
  fill(*file("file"), {0, kChunk});
  expect_present("file", {0, kChunk});
}

TEST_P(EvictTest, WhatIsStoredIsCounted) {
  fill(*file("file"), {0, kSize});
  EXPECT_EQ(cache_->stored_bytes(), 5 * kChunk + 4096);
  expect_ok(cache_->flush());
  evict();
  EXPECT_EQ(cache_->stored_bytes(), 0u);
  fill(*file("file"), {0, kChunk});
  crash("boot1");
  EXPECT_EQ(cache_->stored_bytes(), 0u) << "it was not recorded";
  fill(*file("file"), {0, kChunk});
  start();
  EXPECT_EQ(cache_->stored_bytes(), kChunk);
}

TEST_P(EvictTest, APartOfItMayGo) {
  fill(*file("file"), {0, kSize});
  expect_ok(cache_->flush());
  const auto st = stat_of("file");
  EXPECT_EQ(value(cache_->evict_tail(id_of("file"), kChunk, guards_)), kChunk + 77);
  EXPECT_EQ(stat_of("file").st_ino, st.st_ino);
  EXPECT_EQ(stat_of("file").st_mtim.tv_sec, 1'000'000'007);
  EXPECT_TRUE(guards_->has_file(st.st_ino));
  EXPECT_TRUE(is_current("file"));
  EXPECT_EQ(cache_->stored_bytes(), 4 * kChunk);
  if (shares_blocks()) expect_no_hole("file");
  expect_no_wrong_byte();
  crash("boot1");
  expect_present("file", {0, 4 * kChunk});
  EXPECT_EQ(file("file")->present_bytes(), 4 * kChunk);
  fill(*file("file"), {4 * kChunk, kSize});
  expect_present("file", {0, kSize});
}

TEST_P(EvictTest, NoPartOfABusyFileGoes) {
  fill(*file("file"), {0, kSize});
  expect_ok(cache_->flush());
  const auto reader = open("file");
  EXPECT_EQ(cache_->evict_tail(id_of("file"), kChunk, guards_).error().code, Errc::busy);
  EXPECT_EQ(file("file")->present_bytes(), kSize);
}

TEST_P(EvictTest, AnOlderCatalogDoesNotBelieveInEvictedBytes) {
  namespace fs = std::filesystem;
  fill(*file("file"), {0, kSize});
  start();
  const std::string meta = options().directory + "/meta";
  fs::copy(meta, meta + "-saved", fs::copy_options::recursive);
  evict();
  cache_.reset();
  fs::remove_all(meta);
  fs::rename(meta + "-saved", meta);
  start();
  EXPECT_EQ(file("file")->present_bytes(), 0u);
}

TEST_P(EvictTest, BusyFilesAreRefusedAtOnce) {
  fill(*file("file"), {0, kSize});
  {
    const auto reader = open("file");
    EXPECT_EQ(evict_error(), Errc::busy);
  }
  {
    const auto reader = open("file");
    void* map = ::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, reader.get(), 0);
    ASSERT_NE(map, MAP_FAILED);
    EXPECT_EQ(evict_error(), Errc::busy);
    ::munmap(map, kSize);
  }
  {
    const auto writer = value(file("file")->write_from(0));
    EXPECT_EQ(evict_error(), Errc::busy);
  }
  EXPECT_TRUE(file("file")->is_complete());
  expect_present("file", {0, kSize});
  evict();
  EXPECT_FALSE(file("file")->is_complete());
}

// What tar(1) compares, and what a copy takes over.
void expect_unchanged(const UniqueFd& fd, const struct stat& before) {
  struct stat now {};
  ASSERT_EQ(::fstat(fd.get(), &now), 0);
  EXPECT_EQ(now.st_mode, before.st_mode);
  EXPECT_EQ(now.st_ctim.tv_sec, before.st_ctim.tv_sec);
  EXPECT_EQ(now.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

// The kernel grants a read lease while nobody has the file open for writing.
void expect_executable(const UniqueFd& fd) {
  EXPECT_EQ(::fcntl(fd.get(), F_SETLEASE, F_RDLCK), 0) << "it is kept open for writing";
  ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
}

void EvictTest::be_refused_unseen() {
  list({listed_file("file", kSize), listed_file("part", kSize)});
  place();
  fill_all();
  value(value(file("part")->write_from(0))->append(test::bytes_of({0, kChunk})));
  start();
  const auto reader = open("file");
  const auto before = stat_of("file");
  EXPECT_EQ(evict_error(), Errc::busy);
  expect_unchanged(reader, before);
  EXPECT_EQ(cache_->evict_tail(id_of("file"), kChunk, guards_).error().code, Errc::busy);
  expect_unchanged(reader, before);
  expect_executable(reader);
  const auto other = open("part");
  const auto part = stat_of("part");
  EXPECT_EQ(cache_->release(id_of("part"), guards_).error().code, Errc::busy);
  expect_unchanged(other, part);
}

TEST_P(EvictTest, WhoHasAFileOpenSeesNothingOfARefusal) {
  without_privileges([this] { be_refused_unseen(); });
}

// Some come in between two steps of it.
void EvictTest::be_refused_among_openers() {
  list({listed_file("file", kSize)});
  place();
  fill_all();
  start();
  const std::jthread opener([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)open("file");
  });
  for (int refusals = 0; refusals < 100 && !HasFailure();) {
    fill_all();
    if (cache_->evict(id_of("file"), guards_)) continue;
    ++refusals;
    const auto reader = open("file");
    expect_executable(reader);
    EXPECT_EQ(stat_of("file").st_mode & 07777u, 0444u);
  }
}

TEST_P(EvictTest, WhatWasNotEvictedCanBeExecuted) {
  without_privileges([this] { be_refused_among_openers(); });
}

TEST_P(EvictTest, PartsOfFilesCanBeEvicted) {
  fill(*file("file"), {3 * kChunk, 5 * kChunk});
  evict();
  EXPECT_EQ(file("file")->present_bytes(), 0u);
  expect_no_wrong_byte();
  evict();
  list({listed_file("file", kSize, utc(1'000'000'007)), listed_file("empty", 0)});
  place();
  expect_ok(cache_->evict(id_of("empty"), guards_));
}

TEST_P(EvictTest, AFileThatWasNotPlacedHasNothingToGive) {
  list({listed_file("other", 10)});
  expect_ok(cache_->evict(id_of("other"), guards_));
  EXPECT_EQ(cache_->evict(kRootId, guards_).error().code, Errc::is_a_directory);
  EXPECT_EQ(cache_->evict(4711, guards_).error().code, Errc::not_found);
}

// As the fanotify worker fills: an open file is asked for by its stamp.
TEST_P(EvictTest, ReadersMeanwhileSeeTheirBytesOrWait) {
  std::atomic<int> evictions{0};
  const std::jthread evictor([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (cache_->evict(id_of("file"), guards_)) ++evictions;
    }
  });
  for (int reads = 0; reads < 100; ++reads) {
    // Every tenth time it is closed until its turn came.
    const int so_far = evictions;
    ASSERT_TRUE(reads % 10 != 0 || testing::eventually([&] { return evictions > so_far; }));
    const auto reader = open("file");  // waits while the file is leased
    const auto identity = identity_of(reader);
    ASSERT_TRUE(identity && identity->current);
    const auto f = value(cache_->file(identity->id));
    fill_all();
    ASSERT_TRUE(f->is_complete()) << "while it is open, nobody evicts it";
    ASSERT_TRUE(raw(reader, {0, kSize}) == truth_);
  }
}

void EvictTest::be_killed(int told) {
  start();
  (void)::write(told, "s", 1);
  for (;;) {
    fill_all();
    if (!cache_->flush()) ::_exit(1);
    (void)::write(told, "f", 1);
    if (!cache_->evict(id_of("file"), guards_)) ::_exit(1);
    (void)::write(told, "e", 1);
  }
}

// Reads until it is told so.
bool is_told(int fd, char what) {
  char told = 0;
  while (::read(fd, &told, 1) == 1) {
    if (told == what) return true;
  }
  return false;
}

TEST_P(EvictTest, KilledAtAnyMomentItBelievesNoWrongByte) {
  test::RandomSteps random;
  SCOPED_TRACE(random.seed_text());
  unsigned believed = 0;
  // However long each step takes here, some are killed behind each.
  constexpr std::string_view kSteps = "sfe";
  for (unsigned round = 0; round < 25 && !HasFailure(); ++round) {
    cache_.reset();
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const UniqueFd told(pipe[0]);
    UniqueFd tells(pipe[1]);
    const pid_t child = ::fork();
    ASSERT_NE(child, -1);
    if (child == 0) be_killed(tells.get());
    tells.reset();
    EXPECT_TRUE(is_told(told.get(), kSteps[round % kSteps.size()]));
    testing::let_pass(std::chrono::milliseconds(random.below(40)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it failed on its own";
    start();
    expect_no_wrong_byte();
    if (file("file")->present_bytes() > 0) ++believed;
    if (shares_blocks()) expect_no_hole("file");
  }
  EXPECT_GT(believed, 0u) << "nothing was ever recorded";
  EXPECT_LT(believed, 25u) << "nothing was ever evicted";
}

}  // namespace
}  // namespace lazymirror
