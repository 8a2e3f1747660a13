// SPDX-License-Identifier: Apache-2.0
#include "base/file_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/unique_fd.h"
#include "support/temp_dir.h"

namespace lazymirror {
namespace {

class FileLockTest : public ::testing::Test {
 protected:
  FileLockTest() { directory_.write("lock", ""); }
  [[nodiscard]] UniqueFd file() const {
    return UniqueFd(::open((directory_.path() + "/lock").c_str(), O_RDWR | O_CLOEXEC));
  }
  testing::TempDir directory_;
};

TEST_F(FileLockTest, IsHeldByOneUntilTheDescriptorIsClosed) {
  const UniqueFd other = file();
  {
    const UniqueFd holder = file();
    ASSERT_TRUE(claim_file(holder.get()));
    EXPECT_EQ(claim_file(other.get()).error().code, Errc::busy);
    EXPECT_TRUE(*is_claimed(other.get()));
  }
  EXPECT_FALSE(*is_claimed(other.get()));
  EXPECT_TRUE(claim_file(other.get()));
}

TEST_F(FileLockTest, IsClaimedWhileOthersLook) {
  std::atomic<bool> over{false};
  std::atomic<int> looks{0};
  std::thread looker([&] {
    const UniqueFd fd = file();
    while (!over) looks += is_claimed(fd.get()) ? 1 : 0;
  });
  while (looks == 0) std::this_thread::yield();
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    const UniqueFd fd = file();
    refused += claim_file(fd.get()) ? 0 : 1;
  }
  over = true;
  looker.join();
  EXPECT_EQ(refused, 0);
}

}  // namespace
}  // namespace lazymirror
