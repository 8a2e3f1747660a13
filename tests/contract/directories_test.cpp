// SPDX-License-Identifier: Apache-2.0
//
// What only a mounted directory has: positions in it, modes, links, blocks.
#include <dirent.h>
#include <sys/stat.h>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

class Directories : public MountedContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Directories, ::testing::ValuesIn(over_all_servers()), param_name);

TEST_P(Directories, CanBeReadFromAPositionAgain) {
  for (int i = 0; i < 500; ++i) origin().put("/d/f" + std::to_string(i), {.size = 1});
  DIR* dir = ::opendir(local("/d").c_str());
  ASSERT_NE(dir, nullptr);
  for (int i = 0; i < 200; ++i) ASSERT_NE(::readdir(dir), nullptr);
  const long position = ::telldir(dir);
  std::vector<std::string> first, second;
  for (const dirent* e; (e = ::readdir(dir)) != nullptr;) first.emplace_back(e->d_name);
  ::seekdir(dir, position);
  for (const dirent* e; (e = ::readdir(dir)) != nullptr;) second.emplace_back(e->d_name);
  EXPECT_EQ(first.size(), 302u);
  EXPECT_EQ(first, second);
  ::rewinddir(dir);
  std::size_t count = 0;
  while (::readdir(dir) != nullptr) ++count;
  EXPECT_EQ(count, 502u);
  ::closedir(dir);
}

TEST_P(Directories, ShowModesLinksAndBlocks) {
  origin().put("/d/file", {.size = 1'000'001});
  struct stat file {
  }, dir{};
  ASSERT_EQ(::stat(local("/d/file").c_str(), &file), 0);
  ASSERT_EQ(::stat(local("/d").c_str(), &dir), 0);
  EXPECT_EQ(file.st_mode & 0222, 0u) << "nobody may write";
  EXPECT_EQ(file.st_mode & 0444, 0444u);
  EXPECT_EQ(dir.st_mode & 0555, 0555u);
  EXPECT_GE(file.st_nlink, 1u);
  if (GetParam().front_end.has_holes) return;
  // As if nothing were a hole: tools that skip holes would copy zeros.
  EXPECT_GE(file.st_blocks, (1'000'001 + 511) / 512);
}

}  // namespace
}  // namespace lazymirror::testing
