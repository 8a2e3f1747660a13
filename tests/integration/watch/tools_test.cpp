// SPDX-License-Identifier: Apache-2.0
//
// Programs that skip what they take for holes, and programs that run from the
// tree: all of them on files of which no byte is there yet.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <future>

#include "base/unique_fd.h"
#include "integration/watch/watch.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kSize = 3'000'001;

class HoleSkippers : public OnEachFs {
 protected:
  [[nodiscard]] blkcnt_t bytes_held() const {
    struct stat info {};
    EXPECT_EQ(::stat(at("/d/f").c_str(), &info), 0);
    return info.st_blocks * 512;
  }
  // `$F` a cold file, `$O` where its copy goes.
  void copies(const std::string& line) {
    origin.put("/d/f", {.size = kSize});
    auto daemon = watched();
    if (GetParam().kind != SmallFs::Kind::ext4) {
      EXPECT_GE(bytes_held(), static_cast<blkcnt_t>(kSize)) << "it shows no holes";
    }
    const std::string out = fs.path() + "/out";
    const auto result = run_shell("set -e; F=" + at("/d/f") + " D=" + at("/d") + " O=" + out +
                                  " W=" + work.path() + "; " + line);
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_TRUE(file_is(out, "/d/f", 1, kSize));
  }
};
INSTANTIATE_TEST_SUITE_P(Find, HoleSkippers, ::testing::ValuesIn(each_fs()), fs_name);
// Those that ask for reflinks, or for holes whatever the blocks say.
class ReflinkTools : public HoleSkippers {};
INSTANTIATE_TEST_SUITE_P(On, ReflinkTools, ::testing::ValuesIn(reflink_fs()), fs_name);

TEST_P(HoleSkippers, Cp) { copies("cp $F $O"); }
TEST_P(HoleSkippers, CpSparseAlways) { copies("cp --sparse=always $F $O"); }
TEST_P(HoleSkippers, CpReflinkAuto) { copies("cp --reflink=auto $F $O"); }
TEST_P(ReflinkTools, CpReflinkAlways) { copies("cp --reflink=always $F $O"); }
TEST_P(HoleSkippers, Install) { copies("install $F $O"); }
TEST_P(HoleSkippers, MvAcrossFileSystems) { copies("cp $F $W/moved; mv $W/moved $O"); }
TEST_P(HoleSkippers, TarSparse) {
  copies("tar -C $D -cSf $W/t.tar f || test $? = 1; tar -xOf $W/t.tar f > $O");
}
TEST_P(HoleSkippers, DdSparse) { copies("dd if=$F of=$O bs=64k conv=sparse status=none"); }
TEST_P(HoleSkippers, Cat) { copies("cat $F > $O"); }
TEST_P(HoleSkippers, GrepFirst) { copies("grep -c zzz $F || true; cp $F $O"); }
TEST_P(ReflinkTools, BsdTar) {
  LM_REQUIRE(run_shell("command -v bsdtar").status == 0, "bsdtar is not installed");
  copies("bsdtar -C $D -cf $W/t.tar f; bsdtar -xOf $W/t.tar f > $O");
}
TEST_P(HoleSkippers, RsyncSparse) {
  LM_REQUIRE(run_shell("command -v rsync").status == 0, "rsync is not installed");
  copies("rsync -S $F $O");
}

// On ext4 a file that is not there is sparse. With --fill-on=open there are no
// holes for anybody.
class OnExt4 : public Watch {
 protected:
  OnExt4() : Watch(SmallFs::Kind::ext4) {}
};

TEST_F(OnExt4, FillingAtOpenLetsHoleSkippersCopyRight) {
  for (const char* name : {"/d/f", "/d/g", "/d/h"}) origin.put(name, {.size = kSize});
  auto daemon = watched({"--fill-on=open"});
  const std::string out = work / "out";
  EXPECT_EQ(run_command({"cp", at("/d/f"), out}).status, 0);
  EXPECT_TRUE(file_is(out, "/d/f", 1, kSize));
  EXPECT_EQ(run_command({"cp", "--sparse=always", at("/d/g"), out}).status, 0);
  EXPECT_TRUE(file_is(out, "/d/g", 1, kSize));
  EXPECT_EQ(run_shell("dd conv=sparse status=none if=" + at("/d/h") + " of=" + out).status, 0);
  EXPECT_TRUE(file_is(out, "/d/h", 1, kSize));
}

TEST_F(OnExt4, TheLimitIsSaidAtTheStart) {
  origin.put("/f", {.size = 10});
  auto daemon = watched();
  EXPECT_THAT(daemon->log(), ::testing::HasSubstr("--fill-on=open"));
}

class FilesInPlace : public OnEachFs {};
INSTANTIATE_TEST_SUITE_P(All, FilesInPlace, ::testing::ValuesIn(each_way()), fs_name);

TEST_P(FilesInPlace, TheTimeOfAFileIsTheOriginsAlsoAfterItWasFilled) {
  origin.put("/d/f", {.size = kSize, .mtime = 1'600'000'000});
  auto daemon = watched();
  struct stat info {};
  ASSERT_EQ(::stat(at("/d/f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'600'000'000 / 60 * 60) << "nginx prints minutes";
  ASSERT_TRUE(is_right("/d/f", kSize));
  ASSERT_EQ(::stat(at("/d/f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'600'000'000 / 60 * 60);
}

TEST_P(FilesInPlace, TwoUnpopulatedLevelsInOnePathAreFound) {
  origin.put("/a/b/c/d/file", {.size = kSize});
  auto daemon = watched();
  struct stat info {};
  ASSERT_EQ(::stat(at("/a/b/c/d/file").c_str(), &info), 0) << std::strerror(errno);
  EXPECT_EQ(info.st_size, static_cast<off_t>(kSize));
  EXPECT_TRUE(is_right("/a/b/c/d/file", kSize));
  ASSERT_NE(::stat(at("/a/b/x/d").c_str(), &info), 0);
  EXPECT_EQ(errno, ENOENT);
}

TEST_P(FilesInPlace, CompleteFilesAreReadWithoutTheDaemon) {
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  ASSERT_TRUE(is_right("/d/f", kSize));
  // A stopped daemon answers nothing: only an ignored file can be read.
  ASSERT_TRUE(eventually([&] {
    ::kill(daemon->pid(), SIGSTOP);
    const auto cat = run_command({"cat", at("/d/f")}, std::chrono::seconds(1));
    ::kill(daemon->pid(), SIGCONT);
    return cat.status == 0 && bytes_are("/d/f", 1, 0, cat.output);
  }));
}

TEST_P(FilesInPlace, MarksOfCompleteFilesComeBackAfterMemoryWasReclaimed) {
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  ASSERT_TRUE(is_right("/d/f", kSize));
  ASSERT_EQ(run_shell("sync; echo 3 > /proc/sys/vm/drop_caches").status, 0);
  origin.forget_requests();
  EXPECT_TRUE(is_right("/d/f", kSize));
  EXPECT_EQ(origin.body_bytes("/d/f"), 0u);
}

TEST_P(FilesInPlace, EvictGivesTheBytesBackAndTheyAreFetchedAgain) {
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  ASSERT_TRUE(is_right("/d/f", kSize));
  {
    const UniqueFd open(::open(at("/d/f").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(run({"evict", at("/d/f")}).status, 1) << "in use";
    EXPECT_TRUE(is_right("/d/f", kSize));
  }
  EXPECT_EQ(origin.body_bytes("/d/f"), kSize);
  // The descriptor of the last event may still be held.
  CommandResult evicted;
  EXPECT_TRUE(eventually([&] {
    evicted = run({"evict", at("/d/f")});
    return evicted.status == 0;
  })) << evicted.output;
  EXPECT_TRUE(is_right("/d/f", kSize));
  EXPECT_EQ(origin.body_bytes("/d/f"), 2 * kSize);
}

TEST_P(FilesInPlace, EvictingUnderLoadNeverShowsAWrongByte) {
  std::vector<Readers::Target> targets;
  for (int i = 0; i < 6; ++i) {
    const std::string path = "/d/f" + std::to_string(i);
    const std::uint64_t size = i % 2 == 0 ? kSize : 100'000;  // filled when it is opened
    origin.put(path, {.size = size});
    targets.push_back({at(path), path, size});
  }
  auto daemon = watched();
  Readers readers(targets, 4);
  unsigned evicted = 0;
  EXPECT_TRUE(eventually(
      [&] {
        for (const auto& target : targets) {
          if (run({"evict", target.path}).status == 0) ++evicted;
        }
        return evicted >= 5;
      },
      std::chrono::seconds(60)))
      << evicted;
  readers.stop();
  EXPECT_EQ(readers.wrong(), 0u) << readers.first_wrong();
  EXPECT_THAT(readers.errnos(), ::testing::IsEmpty());
}

// As tar(1) opens: the lease under which a file is evicted refuses that. One open
// for each attempt, or there would hardly be a moment without one.
TEST_P(FilesInPlace, EvictionRefusesNoOpenerWhoDoesNotWait) {
  constexpr int kAttempts = 1'000;
  origin.put("/d/f", {.size = 100'000});
  auto daemon = watched();
  ASSERT_EQ(run_shell("cat " + at("/d/f") + " > /dev/null").status, 0);
  int evicted = 0;
  for (int attempt = 0; attempt < kAttempts && evicted < 30; ++attempt) {
    auto opener = std::async(std::launch::async, [&] {
      let_pass(std::chrono::milliseconds(attempt % 20));
      const UniqueFd fd(::open(at("/d/f").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
      return fd.valid() ? 0 : errno;
    });
    if (run({"evict", at("/d/f")}).status == 0) ++evicted;
    ASSERT_EQ(opener.get(), 0) << "after " << evicted << " evictions";
  }
  EXPECT_EQ(evicted, 30);
}

}  // namespace
}  // namespace lazymirror::testing
