// SPDX-License-Identifier: Apache-2.0
//
// A cache in place on a small file system of its own, on ext4, XFS and btrfs in
// turn; and what a user would see in its data tree.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "base/file_io.h"
#include "support/loop_fs.h"
#include "support/skip.h"
#include "unit/cache/cache_fixture.h"

namespace lazymirror::test {

inline constexpr std::uint64_t kChunk = 64u << 10;
inline constexpr unsigned kNobody = 65534;

// Remembers whom it was asked to guard, by inode.
class Guards final : public PlacementObserver {
 public:
  Result<> before_file(int fd) override { return note(files, fd); }
  Result<> before_directory(int fd) override { return note(directories, fd); }
  [[nodiscard]] bool has_file(ino_t inode) {
    const std::lock_guard lock(mutex_);
    return files.contains(inode);
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    files.clear();
    directories.clear();
  }
  std::set<ino_t> files, directories;

 private:
  Result<> note(std::set<ino_t>& inodes, int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return fail_errno(errno, "fstat");
    const std::lock_guard lock(mutex_);
    inodes.insert(st.st_ino);
    return {};
  }
  std::mutex mutex_;
};

class InPlaceTest : public ::testing::TestWithParam<testing::SmallFs::Kind> {
 protected:
  void SetUp() override {
    LM_REQUIRE(testing::SmallFs::available(), "needs root for mounting");
    fs_ = std::make_unique<testing::SmallFs>(GetParam(), std::uint64_t{1} << 30);
    start();
  }
  void TearDown() override { cache_.reset(); }

  CacheOptions options() {
    CacheOptions o;
    o.directory = fs_->path() + "/cache";
    o.url = "http://example.org/pub/";
    o.commit_interval = Duration(3'600'000);
    o.boot_id = boot_;
    o.in_place = true;
    return o;
  }
  void start(bool in_place = true) {
    CacheOptions o = options();
    o.in_place = in_place;
    start(std::move(o));
  }
  void start(CacheOptions o) {
    cache_.reset();
    cache_ = value(Cache::open(std::move(o), clock_));
  }
  // As after kill -9, or, with another boot id, after a power loss that spared
  // the data.
  void crash(const std::string& boot, bool in_place = true) {
    namespace fs = std::filesystem;
    const fs::path meta = options().directory + "/meta";
    const fs::path copy = options().directory + "/meta-crashed";
    fs::copy(meta, copy, fs::copy_options::recursive);
    cache_.reset();
    fs::remove_all(meta);
    fs::rename(copy, meta);
    boot_ = boot;
    start(in_place);
  }

  // An empty cache, used in a process of its own that has neither rights over
  // modes nor over owners, as the worker of `watch` runs.
  template <typename F>
  void without_privileges(F&& use) {
    cache_.reset();
    std::filesystem::remove_all(options().directory);
    ASSERT_EQ(::chown(fs_->path().c_str(), kNobody, kNobody), 0);
    ASSERT_EQ(::chmod((fs_->path() + "/..").c_str(), 0755), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      give_up_privileges(use);
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }

  ListingDiff list(std::vector<ListedEntry> entries, EntryId directory = kRootId) {
    clock_.ns += 1'000'000'000;
    return value(cache_->store_listing(directory, entries, 0));
  }
  Placement place(EntryId directory = kRootId) { return value(cache_->place(directory, guards_)); }
  EntryId id_of(const std::string& name, EntryId directory = kRootId) {
    return value(cache_->catalog().find(directory, name)).value().id;
  }
  std::shared_ptr<CachedFile> file(const std::string& name) {
    return value(cache_->file(id_of(name)));
  }

  [[nodiscard]] bool shares_blocks() const { return GetParam() != testing::SmallFs::Kind::ext4; }
  [[nodiscard]] std::string data(const std::string& name = "") const {
    return fs_->path() + "/cache/data/" + name;
  }
  [[nodiscard]] UniqueFd open(const std::string& name) const {
    return value(open_fd(AT_FDCWD, data(name), O_RDONLY));
  }
  [[nodiscard]] struct stat stat_of(const std::string& name) const {
    struct stat st {};
    EXPECT_EQ(::lstat(data(name).c_str(), &st), 0) << name;
    return st;
  }
  [[nodiscard]] std::set<std::string> names(const std::string& directory = "") const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(data(directory))) {
      found.insert(entry.path().filename());
    }
    return found;
  }
  [[nodiscard]] static std::vector<std::byte> raw(const UniqueFd& fd, ByteRange range) {
    std::vector<std::byte> bytes(range.size());
    EXPECT_EQ(value(pread_full(fd.get(), bytes, range.begin)), range.size());
    return bytes;
  }
  void expect_no_hole(const std::string& name) const {
    const auto fd = open(name);
    EXPECT_EQ(::lseek(fd.get(), 0, SEEK_HOLE), stat_of(name).st_size) << name << " has a hole";
  }
  void expect_present(const std::string& name, ByteRange range, unsigned version = 0) const {
    EXPECT_TRUE(raw(open(name), range) == bytes_of(range, version))
        << "wrong bytes in " << name << " from " << range.begin << " to " << range.end;
  }
  std::optional<Identity> identity_of(const UniqueFd& fd) {
    return value(cache_->identify(fd.get()));
  }
  bool is_current(const std::string& name) {
    const auto identity = identity_of(open(name));
    return identity && identity->current;
  }

  std::unique_ptr<testing::SmallFs> fs_;
  HandClock clock_;
  const std::shared_ptr<Guards> guards_ = std::make_shared<Guards>();
  std::string boot_ = "boot1";
  std::unique_ptr<Cache> cache_;

 private:
  template <typename F>
  void give_up_privileges(F& use) try {
    ASSERT_EQ(::setgroups(0, nullptr) | ::setresgid(kNobody, kNobody, kNobody), 0);
    ASSERT_EQ(::setresuid(kNobody, kNobody, kNobody), 0);
    ::umask(077);
    start();
    use();
    cache_.reset();
  } catch (const std::exception& e) {
    ADD_FAILURE() << e.what();
  }
};

inline std::string name_of_fs(const ::testing::TestParamInfo<testing::SmallFs::Kind>& info) {
  switch (info.param) {
    case testing::SmallFs::Kind::ext4: return "Ext4";
    case testing::SmallFs::Kind::xfs: return "Xfs";
    case testing::SmallFs::Kind::btrfs: return "Btrfs";
    default: return "Tmpfs";
  }
}

#define LM_ON_ALL_FILE_SYSTEMS(suite)                                                    \
  INSTANTIATE_TEST_SUITE_P(On, suite,                                                    \
                           ::testing::Values(lazymirror::testing::SmallFs::Kind::ext4,   \
                                             lazymirror::testing::SmallFs::Kind::xfs,    \
                                             lazymirror::testing::SmallFs::Kind::btrfs), \
                           lazymirror::test::name_of_fs)

}  // namespace lazymirror::test
