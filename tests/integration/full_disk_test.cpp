// SPDX-License-Identifier: Apache-2.0
//
// No room in the cache: the tree is served all the same, without storing.
#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "integration/integration.h"
#include "support/loop_fs.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kLarge = 60'000'001;

class AFullDisk : public Integration, public ::testing::WithParamInterface<SmallFs::Kind> {
 protected:
  AFullDisk() {
    origin.put("/d/large", {.size = kLarge});
    for (int i = 0; i < 50; ++i) origin.put("/d/small" + std::to_string(i), {.size = 100'000});
    for (int i = 0; i < 300; ++i) origin.put("/unseen/f" + std::to_string(i), {.size = 100});
  }
  void SetUp() override {
    LM_REQUIRE(SmallFs::available(), "needs root for mounting");
    disk = std::make_unique<SmallFs>(GetParam(), 20u << 20);
    cache = disk->path() + "/cache";
  }
  // All of the disk.
  std::unique_ptr<Daemon> mounted() {
    return Integration::mounted({"--cache-size=1G", "--min-free-space=0"});
  }
  std::unique_ptr<SmallFs> disk;
};
INSTANTIATE_TEST_SUITE_P(OfEachKind, AFullDisk,
                         ::testing::Values(SmallFs::Kind::ext4, SmallFs::Kind::tmpfs),
                         [](const auto& p) {
                           return p.param == SmallFs::Kind::ext4 ? "Ext4" : "Tmpfs";
                         });

TEST_P(AFullDisk, ServesFilesWithoutStoringThem) {
  auto daemon = mounted();
  // Open, so that none of it is given up for the rest of it.
  UniqueFd large(::open(at("/d/large").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(large.valid());
  EXPECT_TRUE(is_right("/d/large", kLarge));
  EXPECT_LT(disk->free_bytes(), 2u << 20) << "the disk was to be filled by this";
  large.reset();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(is_right("/d/small" + std::to_string(i), 100'000));
  EXPECT_TRUE(is_right("/d/large", kLarge)) << "once more";
  EXPECT_EQ(daemon->terminate(), 0);
}

TEST_P(AFullDisk, ServesMapsAndListings) {
  auto daemon = mounted();
  ASSERT_TRUE(is_right("/d/large", kLarge));
  ASSERT_EQ(run_shell("cat /dev/zero > " + disk->path() + "/filler 2>/dev/null").status, 1);
  EXPECT_EQ(run_shell("ls " + at("/d") + " | wc -l").output, "51\n");
  EXPECT_EQ(run_shell("python3 -c 'import mmap,sys; f=open(sys.argv[1],\"rb\"); "
                      "m=mmap.mmap(f.fileno(),0,prot=mmap.PROT_READ); print(len(m), 0 in m[:])' " +
                          at("/d/large"),
                      std::chrono::seconds(120))
                .output,
            std::to_string(kLarge) + " False\n");
}

TEST_P(AFullDisk, HoldsRightBytesOnceThereIsRoomAgain) {
  const std::string filler = disk->path() + "/filler";
  ASSERT_EQ(run_shell("head -c 15M /dev/zero > " + filler).status, 0);
  auto daemon = mounted();
  ASSERT_TRUE(is_right("/d/large", kLarge));
  ASSERT_EQ(::unlink(filler.c_str()), 0);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(is_right("/d/small" + std::to_string(i), 100'000));
  EXPECT_TRUE(is_right("/d/large", kLarge));
  ASSERT_EQ(daemon->terminate(), 0);
  daemon = mounted();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(is_right("/d/small" + std::to_string(i), 100'000));
  EXPECT_TRUE(is_right("/d/large", kLarge));
}

TEST_P(AFullDisk, ByAnotherProgramHasTheCacheGiveWay) {
  auto daemon = Integration::mounted({"--cache-size=10M", "--min-free-space=4M"});
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(is_right("/d/small" + std::to_string(i), 100'000));
  const std::uint64_t left = disk->free_bytes();
  ASSERT_GT(left, 5u << 20);
  ASSERT_EQ(run_shell("head -c " + std::to_string(left - (1u << 20)) + " /dev/zero > " +
                      disk->path() + "/filler")
                .status,
            0);
  EXPECT_TRUE(eventually([&] { return disk->free_bytes() >= 4u << 20; })) << disk->free_bytes();
  EXPECT_TRUE(is_right("/d/small7", 100'000));
  ASSERT_EQ(::unlink((disk->path() + "/filler").c_str()), 0);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(is_right("/d/small" + std::to_string(i), 100'000));
  EXPECT_EQ(daemon->terminate(), 0);
}

TEST_P(AFullDisk, SurvivesAKill) {
  auto daemon = mounted();
  ASSERT_TRUE(is_right("/d/large", kLarge));
  daemon->kill();
  daemon.reset();
  daemon = mounted();
  EXPECT_TRUE(is_right("/d/large", kLarge));
  EXPECT_TRUE(is_right("/d/small1", 100'000));
}

}  // namespace
}  // namespace lazymirror::testing
