// SPDX-License-Identifier: Apache-2.0
//
// The programs people use, and the system calls they are made of. The truth is
// laid out as local files beside the mount and compared with what arrives.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"
#include "contract/contract_test.h"
#include "support/child_process.h"
#include "support/skip.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kSize = 3'000'001;

class Tools : public MountedContractTest {
 protected:
  // `path` at the origin and, for comparing, below truth().
  void put(const std::string& path, std::uint64_t size) {
    origin().put(path, {.size = size});
    lay_out(truth() + path, path, {.size = size});
  }
  [[nodiscard]] std::string truth() const { return work_ / "truth"; }

  void put_tree() {
    put("/t/a", 10);
    put("/t/empty", 0);
    put("/t/b c/large", 400'000);
    put("/t/b c/deep/er/file", 65'536);
    for (int i = 0; i < 30; ++i)
      put("/t/many/" + std::to_string(i), static_cast<unsigned>(i) * 1000);
  }

  // Runs a line with $M the mount, $W a place for results, $T the truth.
  CommandResult shell(const std::string& line) {
    return run_shell("set -o pipefail; M='" + tree().directory() + "'; W='" + work_.make_dir("w") +
                     "'; T='" + truth() + "'; " + line);
  }
  ::testing::AssertionResult succeeds(const std::string& line) {
    const CommandResult result = shell(line);
    if (result.status == 0) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << line << "\nstatus " << result.status.value_or(-1) << '\n'
           << result.output;
  }
  // "File changed as we read it" is no failure where filling moves ctime.
  static std::string tar(const std::string& arguments) {
    const bool moves = GetParam().front_end.moves_ctime;
    return moves ? "(tar " + arguments + " || test $? = 1)" : "tar " + arguments;
  }

  UniqueFd open(const std::string& path, int flags = 0) {
    UniqueFd fd(::open(local(path).c_str(), O_RDONLY | O_CLOEXEC | flags));
    EXPECT_TRUE(fd.valid()) << std::strerror(errno);
    return fd;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Tools, ::testing::ValuesIn(over_all_servers()), param_name);

TEST_P(Tools, ThatLookForHolesFindNone) {
  for (const char* name : {"/a", "/b", "/c", "/d", "/e"}) put(name, kSize);
  EXPECT_TRUE(succeeds("cp --sparse=always $M/a $W/a && cmp $T/a $W/a"));
  EXPECT_TRUE(succeeds("cp --sparse=auto $M/b $W/b && cmp $T/b $W/b"));
  EXPECT_TRUE(succeeds("install $M/c $W/c && cmp $T/c $W/c"));
  EXPECT_TRUE(succeeds("dd if=$M/d of=$W/d bs=64K conv=sparse status=none && cmp $T/d $W/d"));
  EXPECT_TRUE(
      succeeds("cd $M && " + tar("-Scf $W/s.tar e") + " && tar -xOf $W/s.tar e | cmp - $T/e"));
}

TEST_P(Tools, CpCopiesATree) {
  put_tree();
  EXPECT_TRUE(succeeds("cp -r $M/t $W/copy && diff -r $T/t $W/copy"));
  EXPECT_TRUE(succeeds("cp -r $M/t $W/again && diff -r $T/t $W/again"));
}

TEST_P(Tools, TarPacksATree) {
  put_tree();
  EXPECT_TRUE(
      succeeds("tar -C $M -cf $W/t.tar t && mkdir $W/x && tar -C $W/x -xf $W/t.tar && "
               "diff -r $T/t $W/x/t"));
}

TEST_P(Tools, TarThatSkipsHolesPacksATree) {
  put_tree();
  EXPECT_TRUE(
      succeeds("tar -C $M -cSf $W/t.tar t && mkdir $W/x && tar -C $W/x -xf $W/t.tar && "
               "diff -r $T/t $W/x/t"));
}

TEST_P(Tools, RsyncCopiesATree) {
  LM_REQUIRE(run_shell("command -v rsync").status == 0, "rsync is not installed");
  put_tree();
  // Some versions refuse a directory that turns out to be another one than the
  // trap they looked at.
  EXPECT_TRUE(succeeds("find $M/t > /dev/null && rsync -aS $M/t $W && diff -r $T/t $W/t"));
}

TEST_P(Tools, ChecksumsAreRight) {
  put_tree();
  EXPECT_TRUE(
      succeeds("diff <(cd $M/t && find . -type f | sort | tr '\\n' '\\0' | xargs -0 sha256sum) "
               "<(cd $T/t && find . -type f | sort | tr '\\n' '\\0' | xargs -0 sha256sum)"));
}

TEST_P(Tools, FindSeesTheTree) {
  put_tree();
  EXPECT_TRUE(
      succeeds("diff <(cd $M/t && find . -printf '%y %s %p\\n' | grep -v ^d | sort) "
               "<(cd $T/t && find . -printf '%y %s %p\\n' | grep -v ^d | sort)"));
  EXPECT_TRUE(
      succeeds("diff <(ls -1R $M/t | sed 1d) <(ls -1R $T/t | sed 1d) > /dev/null || "
               "test $(find $M/t | wc -l) = $(find $T/t | wc -l)"));
}

TEST_P(Tools, ThatReadPiecesOfAFileGetThem) {
  put("/f", kSize);
  EXPECT_TRUE(succeeds("tail -c 1000 $M/f | cmp - <(tail -c 1000 $T/f)"));
  EXPECT_TRUE(succeeds("head -c 1000 $M/f | cmp - <(head -c 1000 $T/f)"));
  EXPECT_TRUE(
      succeeds("dd if=$M/f bs=1000 skip=1234 count=7 status=none | "
               "cmp - <(dd if=$T/f bs=1000 skip=1234 count=7 status=none)"));
  EXPECT_TRUE(succeeds("cmp $M/f $T/f"));
}

TEST_P(Tools, ThatReadWithoutThePageCacheGetTheTruth) {
  put("/f", kSize);
  EXPECT_TRUE(succeeds("dd if=$M/f bs=64K iflag=direct status=none | cmp - $T/f"));
  EXPECT_TRUE(succeeds("dd if=$M/f bs=64K iflag=direct status=none | cmp - $T/f")) << "complete";
}

TEST_P(Tools, MapsOfAFileThatIsNotThereYetAreFilled) {
  put("/f", kSize);
  const UniqueFd fd = open("/f");
  void* map = ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  ASSERT_NE(map, MAP_FAILED);
  const std::span bytes(static_cast<const std::byte*>(map), kSize);
  for (std::uint64_t offset = 0; offset < kSize; offset += 500'000) {
    EXPECT_TRUE(bytes_are("/f", 1, offset, bytes.subspan(offset, 1)));
  }
  EXPECT_TRUE(bytes_are("/f", 1, 0, bytes));
  ::munmap(map, kSize);
}

TEST_P(Tools, MapsOutliveTheDescriptorAndTheCompletion) {
  put("/f", kSize);
  UniqueFd fd = open("/f");
  void* map = ::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(map, MAP_FAILED);
  const std::span bytes(static_cast<const std::byte*>(map), kSize);
  EXPECT_TRUE(bytes_are("/f", 1, 1000, bytes.subspan(1000, 10)));
  fd.reset();
  EXPECT_TRUE(reads_as("/f", 1, kSize));
  EXPECT_TRUE(reads_as("/f", 1, kSize)) << "opened while an old mapping lives";
  EXPECT_TRUE(bytes_are("/f", 1, 0, bytes));
  ::munmap(map, kSize);
}

TEST_P(Tools, SendfileSendsTheTruth) {
  put("/f", kSize);
  const UniqueFd in = open("/f");
  const UniqueFd out(::open((work_ / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  std::uint64_t sent = 0;
  while (sent < kSize) {
    const ssize_t n = ::sendfile(out.get(), in.get(), nullptr, kSize - sent);
    ASSERT_GT(n, 0) << std::strerror(errno);
    sent += static_cast<std::uint64_t>(n);
  }
  EXPECT_TRUE(file_is(work_ / "out", "/f", 1, kSize));
}

TEST_P(Tools, CopyFileRangeCopiesTheTruthOrSaysThatItCannot) {
  put("/f", kSize);
  const UniqueFd in = open("/f");
  const UniqueFd out(::open((work_ / "out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  const ssize_t n = ::copy_file_range(in.get(), nullptr, out.get(), nullptr, kSize, 0);
  if (n < 0) {
    EXPECT_TRUE(errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP) << std::strerror(errno);
    return;
  }
  EXPECT_TRUE(file_is(work_ / "out", "/f", 1, static_cast<std::uint64_t>(n)));
}

TEST_P(Tools, SpliceAndReadvGetTheTruth) {
  put("/f", kSize);
  EXPECT_TRUE(
      succeeds("python3 -c '\n"
               "import os,sys\n"
               "m=os.open(sys.argv[1],os.O_RDONLY); t=os.open(sys.argv[2],os.O_RDONLY)\n"
               "for o in (0,5,70000,2999000):\n"
               "  a=[bytearray(10),bytearray(5000)]; b=[bytearray(10),bytearray(5000)]\n"
               "  assert os.preadv(m,a,o)==os.preadv(t,b,o) and a==b\n"
               "r,w=os.pipe()\n"
               "n=os.splice(m,w,60000,offset_src=1234567)\n"
               "assert n>0 and os.read(r,n)==os.pread(t,n,1234567)\n"
               "' $M/f $T/f"));
}

class Programs : public MountedNginxContractTest {
 protected:
  Programs() { settings().mount_options = "exec"; }
};
INSTANTIATE_TEST_SUITE_P(All, Programs, ::testing::ValuesIn(over_nginx()), param_name);

TEST_P(Programs, AScriptRunsFromTheTree) {
  origin().put_contents("/bin/hello", "#!/bin/sh\necho hello \"$1\"\n");
  const auto mode = tree().stat("/bin/hello");
  ASSERT_TRUE(mode);
  EXPECT_EQ(run_command({"/bin/sh", local("/bin/hello"), "world"}).output, "hello world\n");
  EXPECT_EQ(run_command({local("/bin/hello"), "world"}).output, "hello world\n");
}

TEST_P(Programs, AnElfBinaryRunsFromTheTree) {
  origin().put_directory("/bin");
  origin().put_local_file("/bin/sha256sum", "/usr/bin/sha256sum");
  const auto cold = run_command({local("/bin/sha256sum"), "/etc/hostname"});
  EXPECT_EQ(cold.status, 0) << cold.output;
  EXPECT_EQ(cold.output, run_command({"/usr/bin/sha256sum", "/etc/hostname"}).output);
  const auto warm = run_command({local("/bin/sha256sum"), "/etc/hostname"});
  EXPECT_EQ(warm.output, cold.output);
}

TEST_P(Programs, ALibraryIsLoadedFromTheTree) {
  // As the system's linker finds it: its path differs from one machine to the next.
  const auto found = run_shell("ldd /usr/bin/python3 | awk '/libz/ {print $3}'");
  LM_REQUIRE(found.output.starts_with('/'), "python3 is not linked with libz");
  const std::string library = found.output.substr(0, found.output.find('\n'));
  origin().put_directory("/lib");
  origin().put_local_file("/lib/libz.so.1", library);
  origin().put_local_file("/lib/libother.so", library);
  const auto searched = run_shell("LD_LIBRARY_PATH=" + local("/lib") +
                                  " python3 -c 'import zlib; print(zlib.crc32(b\"abc\")); "
                                  "print(open(\"/proc/self/maps\").read())'");
  EXPECT_EQ(searched.status, 0) << searched.output;
  EXPECT_THAT(searched.output, ::testing::StartsWith("891568578\n"));
  EXPECT_THAT(searched.output, ::testing::HasSubstr(local("/lib/libz.so.1")));
  const auto opened = run_shell(
      "python3 -c 'import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).crc32(0, b\"abc\", 3))' " +
      local("/lib/libother.so"));
  EXPECT_EQ(opened.output, "891568578\n");
}

TEST_P(Programs, ALargeBinaryRunsBeforeItIsComplete) {
  origin().put_directory("/bin");
  origin().put_local_file("/bin/bash", "/bin/bash");
  EXPECT_EQ(run_command({local("/bin/bash"), "-c", "echo $((6*7))"}).output, "42\n");
  EXPECT_EQ(run_command({"cmp", local("/bin/bash"), "/bin/bash"}).status, 0);
  EXPECT_EQ(run_command({local("/bin/bash"), "-c", "echo $((6*7))"}).output, "42\n");
}

}  // namespace
}  // namespace lazymirror::testing
