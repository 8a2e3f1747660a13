// SPDX-License-Identifier: Apache-2.0
//
// Jobs over a cache in place: what they leave in the tree that users see, on a
// file system of its own.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "jobs_fixture.h"
#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "support/truth.h"
#include "support/waiting.h"

namespace lazymirror::testing {
namespace {

namespace fs = std::filesystem;

// Counts whom it was asked to guard.
class Guards final : public PlacementObserver {
 public:
  Result<> before_file(int) override {
    ++files;
    return {};
  }
  Result<> before_directory(int) override { return {}; }

  std::atomic<int> files{0};
};

class JobsInPlaceTest : public JobsTest {
 protected:
  void SetUp() override {
    static const bool is_private = enter_private_mounts();
    LM_REQUIRE(is_private && SmallFs::available(), "needs root for mounting");
  }
  ~JobsInPlaceTest() override {
    web->release();
    stop();  // before its file system goes
  }

  void begin_in_place() {
    disk = std::make_unique<SmallFs>(SmallFs::Kind::ext4, 256u << 20);
    CacheOptions cache;
    cache.directory = disk->path() + "/cache";
    cache.url = options.url.str();
    cache.commit_interval = Duration(100);
    cache.in_place = true;
    auto opened = Cache::open(std::move(cache), clock);
    ASSERT_TRUE(opened) << opened.error().message;
    auto started = Engine::start(options, FakeWeb::origin(web), std::move(*opened), clock);
    ASSERT_TRUE(started) << started.error().message;
    engine = std::move(*started);
    engine->set_listener(&heard);
    ASSERT_NE(engine->in_place(), nullptr);
    engine->in_place()->set_observer(guards);
  }
  [[nodiscard]] std::string on_disk(const std::string& path) const {
    return disk->path() + "/cache/data/" + path;
  }
  // What a user reads who asks nobody.
  [[nodiscard]] ::testing::AssertionResult stands(const std::string& path, std::uint64_t size,
                                                  std::uint64_t version = 1) const {
    std::ifstream file(on_disk(path), std::ios::binary);
    std::string bytes(static_cast<std::size_t>(size) + 1, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (static_cast<std::uint64_t>(file.gcount()) != size) {
      return ::testing::AssertionFailure() << path << " has " << file.gcount() << " bytes";
    }
    bytes.pop_back();
    return bytes_are("/" + path, version, 0, std::as_bytes(std::span(bytes)));
  }
  [[nodiscard]] std::uint64_t disk_bytes(const std::string& path) const {
    struct stat st {};
    EXPECT_EQ(::lstat(on_disk(path).c_str(), &st), 0) << path;
    return static_cast<std::uint64_t>(st.st_blocks) * 512;
  }
  void flip_on_disk(const std::string& path, std::uint64_t offset) const {
    std::fstream file(on_disk(path), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(file) << path;
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
  }

  std::shared_ptr<Guards> guards = std::make_shared<Guards>();
  std::unique_ptr<SmallFs> disk;
};

TEST_F(JobsInPlaceTest, FetchPlacesNamesAndFillsThem) {
  make_tree();
  begin_in_place();
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_EQ(watcher->last().files_done, 4u);
  EXPECT_TRUE(stands("a", kSize));
  EXPECT_TRUE(stands("d/b", kSize));
  EXPECT_TRUE(stands("d/e/c", 5 * kMiB));
  EXPECT_TRUE(stands("d/e/empty", 0));
}

TEST_F(JobsInPlaceTest, MetadataPlacesNamesOnly) {
  make_tree();
  begin_in_place();
  ASSERT_TRUE(run(JobKind::metadata));
  EXPECT_EQ(fs::file_size(on_disk("d/e/c")), 5 * kMiB);
  EXPECT_EQ(web->count("GET"), 0u);
}

TEST_F(JobsInPlaceTest, AFetchOfOneFilePlacesItsWay) {
  make_tree();
  begin_in_place();
  ASSERT_TRUE(run(JobKind::fetch, {"d/e/c"}, false));
  EXPECT_TRUE(stands("d/e/c", 5 * kMiB));
  EXPECT_EQ(web->count("GET /d/b"), 0u);
}

TEST_F(JobsInPlaceTest, VerifyMendsAFlippedBitBehindItsGuard) {
  make_tree();
  begin_in_place();
  ASSERT_TRUE(run(JobKind::fetch));
  flip_on_disk("d/e/c", 3 * kMiB + 17);
  guards->files = 0;
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"damaged d/e/c"}));
  EXPECT_GT(guards->files, 0) << "who reads it is asked about again";
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_TRUE(stands("d/e/c", 5 * kMiB));
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_TRUE(watcher->findings().empty());
}

TEST_F(JobsInPlaceTest, WhatIsPinnedStaysAndTheRestIsEvicted) {
  make_tree();
  begin_in_place();
  ASSERT_TRUE(run(JobKind::fetch));
  ASSERT_TRUE(run(JobKind::pin, {"d/b"}));
  const auto full = disk_bytes("d/e/c");
  // Until the last transfer has ended, its file is being filled.
  EXPECT_TRUE(eventually([&] {
    const auto evicted = engine->storage().evict_below(kRootId);
    return evicted && evicted->busy == 0 && evicted->pinned == 1;
  }));
  EXPECT_TRUE(stands("d/b", kSize));
  EXPECT_LT(disk_bytes("d/e/c"), full);
  const auto got = web->count("GET /d/e/c");
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_GT(web->count("GET /d/e/c"), got);
  EXPECT_TRUE(stands("d/e/c", 5 * kMiB));
  EXPECT_TRUE(stands("a", kSize));
}

TEST_F(JobsInPlaceTest, RefreshPlacesWhatIsNewAndTakesAwayWhatIsGone) {
  make_tree();
  begin_in_place();
  ASSERT_TRUE(run(JobKind::fetch));
  web->put("/d/new", {kSize});
  web->remove("/a");
  ASSERT_TRUE(run(JobKind::refresh));
  EXPECT_EQ(fs::file_size(on_disk("d/new")), kSize);
  EXPECT_FALSE(fs::exists(on_disk("a")));
}

TEST_F(JobsInPlaceTest, OfflineOnlyWhatIsMissingFails) {
  make_tree();
  begin_in_place();
  ASSERT_TRUE(run(JobKind::metadata));
  ASSERT_TRUE(run(JobKind::fetch, {"a"}));
  engine->set_offline(true);
  EXPECT_TRUE(run(JobKind::fetch, {"a"}));
  EXPECT_EQ(error_of(JobKind::fetch).code, Errc::unreachable);
  EXPECT_EQ(watcher->last().failed, 2u) << "an empty file needs nobody";
  EXPECT_TRUE(stands("a", kSize));
}

}  // namespace
}  // namespace lazymirror::testing
