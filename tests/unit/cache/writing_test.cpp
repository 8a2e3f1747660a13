// SPDX-License-Identifier: Apache-2.0
//
// What filling a placeholder costs, as the kernel counts it (proc_pid_io(5)).
#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "cache/committer.h"
#include "unit/cache/in_place_fixture.h"

namespace lazymirror {
namespace {

using test::kChunk;
using test::listed_file;
using test::value;

constexpr std::uint64_t kSize = 40 * kChunk + 77;

// "syscw": how often this thread wrote; "read_bytes": what it made the disk read.
std::uint64_t counted(const std::string& key) {
  std::ifstream file("/proc/thread-self/io");
  for (std::string word; file >> word;) {
    std::uint64_t number = 0;
    file >> number;
    if (word == key + ":") return number;
  }
  ADD_FAILURE() << "the kernel does not count " << key;
  return 0;
}

class WritingTest : public test::InPlaceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(test::InPlaceTest::SetUp());
    if (IsSkipped()) return;
    list({listed_file("file", kSize), listed_file("other", kSize)});
    place();
    bytes_ = test::bytes_of({0, kSize});
  }
  // All of the file, as a transfer brings it.
  void write(std::size_t piece) {
    const auto writer = value(file("file")->write_from(0));
    for (std::uint64_t at = 0; at < kSize; at += piece) {
      const auto rest = std::span(bytes_).subspan(at);
      (void)value(writer->append(rest.first(std::min(rest.size(), piece))));
    }
  }
  // Nothing of it is in memory any more.
  void drop(const std::string& name) const {
    const auto fd = open(name);
    ::syncfs(fd.get());
    ASSERT_EQ(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  }

  std::vector<std::byte> bytes_;
};
LM_ON_ALL_FILE_SYSTEMS(WritingTest);

TEST_P(WritingTest, AChunkIsWrittenAtOnceHoweverItsBytesCome) {
  write(kChunk);  // all that a first write needs is there
  for (const std::size_t piece :
       {std::size_t{1'000}, std::size_t{16'384} - 9, std::size_t{100'000}}) {
    test::expect_ok(file("file")->discard());
    { const auto made = value(file("file")->write_from(0)); }
    const std::uint64_t before = counted("syscw");
    write(piece);
    EXPECT_EQ(counted("syscw") - before, kSize / kChunk + 1) << piece;
    expect_present("file", {0, kSize});
  }
}

// The kernel grants a read lease while nobody has the file open for writing.
TEST_P(WritingTest, WhatIsCompleteCanBeExecutedBeforeItIsSynced) {
  const auto data = std::dynamic_pointer_cast<Committable>(file("file"));
  auto writer = value(file("file")->write_from(0));
  (void)value(writer->append(std::span(bytes_).first(2 * kChunk)));
  const auto snapshot = data->take_snapshot();
  ASSERT_TRUE(snapshot && snapshot->data);
  (void)value(writer->append(std::span(bytes_).subspan(2 * kChunk)));
  writer.reset();
  ASSERT_TRUE(file("file")->is_complete());
  const auto reader = open("file");
  EXPECT_EQ(::fcntl(reader.get(), F_SETLEASE, F_RDLCK), 0) << "it is open for writing";
  EXPECT_EQ(::fdatasync(snapshot->data->get()), 0);
  data->committed();
}

TEST_P(WritingTest, NoBlockIsReadToBeWritten) {
  if (!shares_blocks()) return;  // there is nothing to read in a hole
  drop("file");
  std::uint64_t before = counted("read_bytes");
  write(5'000);
  EXPECT_LT(counted("read_bytes") - before, kChunk) << "of the file system's own, at most";
  expect_present("file", {0, kSize});
  // Parts of blocks would have been noticed.
  drop("other");
  before = counted("read_bytes");
  const auto fd = value(open_fd(AT_FDCWD, data("other"), O_WRONLY));
  for (std::uint64_t at = 0; at + 5'000 < kSize; at += 5'000) {
    test::expect_ok(pwrite_full(fd.get(), std::span(bytes_).subspan(at, 5'000), at));
    drop("other");
  }
  EXPECT_GE(counted("read_bytes") - before, kChunk);
}

}  // namespace
}  // namespace lazymirror
