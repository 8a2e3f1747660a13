// SPDX-License-Identifier: Apache-2.0
//
// All the ways around a mark that are known: none leads to bytes that are not
// there.
#include <fcntl.h>
#include <liburing.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/unique_fd.h"
#include "integration/watch/watch.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kSize = 3'000'001;

class Bypass : public OnEachFs {
 protected:
  Bypass() {
    for (int i = 0; i < 4; ++i) origin.put("/d/f" + std::to_string(i), {.size = kSize});
  }
  ~Bypass() override {
    if (!raw_.empty()) ::umount2(raw_.c_str(), MNT_DETACH);
  }

  // The file system without the view on it, as another mount.
  std::string raw(const std::string& path) {
    if (raw_.empty()) {
      raw_ = work.make_dir("raw");
      EXPECT_EQ(::mount(fs.path().c_str(), raw_.c_str(), nullptr, MS_BIND, nullptr), 0);
    }
    return raw_ + "/cache/data" + path;
  }

  // The directory's names stand, no byte of its files is there.
  std::unique_ptr<Daemon> cold(std::vector<std::string> options = {}) {
    auto daemon = watched(std::move(options));
    struct stat info {};
    EXPECT_EQ(::stat(at("/d/f0").c_str(), &info), 0);
    return daemon;
  }

  static ::testing::AssertionResult shows(int fd, const std::string& truth, std::uint64_t offset,
                                          std::size_t size) {
    std::vector<std::byte> bytes(size);
    const ssize_t n = ::pread(fd, bytes.data(), size, static_cast<off_t>(offset));
    if (n != static_cast<ssize_t>(size)) {
      return ::testing::AssertionFailure() << "read " << n << ": " << std::strerror(errno);
    }
    return bytes_are(truth, 1, offset, bytes);
  }

 private:
  std::string raw_;
};
INSTANTIATE_TEST_SUITE_P(No, Bypass, ::testing::ValuesIn(each_way()), fs_name);

TEST_P(Bypass, ByAPrivateMountNamespace) {
  const auto daemon = cold();
  const std::string out = work / "out";
  EXPECT_EQ(run_shell("unshare -m sh -c 'cat " + at("/d/f0") + " > " + out + "'").status, 0);
  EXPECT_TRUE(file_is(out, "/d/f0", 1, kSize));
}

TEST_P(Bypass, ByAnotherMountOfTheFileSystem) {
  const auto daemon = cold();
  EXPECT_TRUE(file_is(raw("/d/f0"), "/d/f0", 1, kSize));
}

TEST_P(Bypass, ByAHardLinkInAnotherDirectory) {
  const auto daemon = cold();
  const std::string link = fs.path() + "/linked";
  // From below the other mount: the view itself is read-only.
  ASSERT_EQ(::link(raw("/d/f0").c_str(), (raw("/../../linked")).c_str()), 0)
      << std::strerror(errno);
  EXPECT_TRUE(file_is(link, "/d/f0", 1, kSize));
}

TEST_P(Bypass, ByReopeningADescriptorThatCannotRead) {
  const auto daemon = cold();
  const UniqueFd path(::open(at("/d/f0").c_str(), O_PATH | O_CLOEXEC));
  ASSERT_TRUE(path.valid());
  EXPECT_TRUE(file_is("/proc/self/fd/" + std::to_string(path.get()), "/d/f0", 1, kSize));
}

TEST_P(Bypass, ByAFileHandle) {
  const auto daemon = cold();
  std::array<std::uint64_t, 18> space{};  // file_handle ends in an array without a size
  auto* const handle = reinterpret_cast<file_handle*>(space.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  ASSERT_EQ(::name_to_handle_at(AT_FDCWD, at("/d/f0").c_str(), handle, &mount_id, 0), 0);
  const UniqueFd root(::open(fs.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd fd(::open_by_handle_at(root.get(), handle, O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(fd.valid()) << std::strerror(errno);
  EXPECT_TRUE(shows(fd.get(), "/d/f0", 1'000'000, 100'000));
}

TEST_P(Bypass, ByAMappingAtAnOffset) {
  const auto daemon = cold();
  const UniqueFd fd(::open(at("/d/f1").c_str(), O_RDONLY | O_CLOEXEC));
  constexpr std::size_t kLength = 500'000, kOffset = 1u << 20;
  void* map = ::mmap(nullptr, kLength, PROT_READ, MAP_SHARED, fd.get(), kOffset);
  ASSERT_NE(map, MAP_FAILED) << std::strerror(errno);
  EXPECT_TRUE(
      bytes_are("/d/f1", 1, kOffset, std::span(static_cast<const std::byte*>(map), kLength)));
  ::munmap(map, kLength);
}

TEST_P(Bypass, ByIoUring) {
  const auto daemon = cold();
  io_uring ring{};
  LM_REQUIRE(io_uring_queue_init(4, &ring, 0) == 0, "the kernel has no io_uring");
  const UniqueFd fd(::open(at("/d/f2").c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<std::byte> bytes(200'000);
  io_uring_sqe* request = io_uring_get_sqe(&ring);
  io_uring_prep_read(request, fd.get(), bytes.data(), static_cast<unsigned>(bytes.size()), 700'000);
  ASSERT_EQ(io_uring_submit(&ring), 1);
  io_uring_cqe* answer = nullptr;
  ASSERT_EQ(io_uring_wait_cqe(&ring, &answer), 0);
  EXPECT_EQ(answer->res, static_cast<int>(bytes.size()));
  io_uring_queue_exit(&ring);
  EXPECT_TRUE(bytes_are("/d/f2", 1, 700'000, bytes));
}

// How many threads of this process wait in a read or in an open.
std::ptrdiff_t blocked_readers() {
  const auto is_blocked = [](const auto& task) {
    std::ifstream file(task.path() / "syscall");
    long call = -1;
    return static_cast<bool>(file >> call) && (call == SYS_pread64 || call == SYS_openat);
  };
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::count_if(begin(tasks), end(tasks), is_blocked);
}

TEST_P(Bypass, ByAThousandReadersAtOnce) {
  constexpr unsigned kReaders = 1'000;
  origin.put("/d/large", {.size = 8u << 20});
  const auto daemon = cold({"--timeout=5min"});
  origin.inject("/d/large", {.fault = Fault::stall_before_head, .times = 0});
  std::atomic<unsigned> right{0};
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] {
      const UniqueFd fd(::open(at("/d/large").c_str(), O_RDONLY | O_CLOEXEC));
      if (shows(fd.get(), "/d/large", i * 8'000, 5'000)) ++right;
    });
  }
  EXPECT_TRUE(eventually([] { return blocked_readers() == kReaders; }, std::chrono::seconds(120)));
  origin.clear_faults();
  origin.unstall();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(right, kReaders);
}

TEST_P(Bypass, ByALeaseOnAFileOfOnesOwn) {
  const auto daemon = cold();
  const std::string own = fs.path() + "/own";
  const UniqueFd fd(::open(own.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(fd.get(), 10'000), 0);
  ASSERT_EQ(::syncfs(fd.get()), 0);  // nobody else must be using it
  ::signal(SIGIO, SIG_IGN);          // how the kernel asks for a lease back
  // The descriptor of the event of its open may still be held.
  ASSERT_TRUE(eventually([&] { return ::fcntl(fd.get(), F_SETLEASE, F_WRLCK) == 0; }))
      << std::strerror(errno);
  std::array<char, 10> some;
  // Its owner is refused, or reads his own zeros; nobody else waits for him.
  (void)::pread(fd.get(), some.data(), some.size(), 0);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(is_right("/d/f3", kSize));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(15));
}

TEST_P(Bypass, ByExhaustingTheKeepersDescriptors) {
  const auto daemon = cold();
  const rlimit few{48, 48};
  ASSERT_EQ(::prlimit(daemon->pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  std::vector<Readers::Target> targets;
  for (int i = 0; i < 4; ++i) {
    const std::string path = "/d/f" + std::to_string(i);
    targets.push_back({at(path), path, kSize});
  }
  Readers readers(targets, 100);
  EXPECT_TRUE(eventually([&] { return readers.reads() > 100; }));
  readers.stop();
  EXPECT_EQ(readers.wrong(), 0u) << readers.first_wrong();
  EXPECT_THAT(readers.errnos(), ::testing::IsSubsetOf({EPERM, EIO}));
}

}  // namespace
}  // namespace lazymirror::testing
