// SPDX-License-Identifier: Apache-2.0
//
// Directories: complete, stable, and asked for once.
#include <dirent.h>

#include <map>
#include <set>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

constexpr std::int64_t kTime = 1'700'000'000;

class Listings : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Listings, ::testing::ValuesIn(over_all_servers()), param_name);

std::map<std::string, Name> by_name(const std::vector<Name>& names) {
  std::map<std::string, Name> map;
  for (const Name& name : names) {
    EXPECT_TRUE(map.emplace(name.name, name).second) << name.name << " was listed twice";
  }
  return map;
}

TEST_P(Listings, AreCompleteWithSelfAndParent) {
  origin().put("/d/file", {.size = 5});
  origin().put("/d/sub/file", {.size = 5});
  origin().put_directory("/d/empty");
  const auto names = tree().list("/d");
  ASSERT_TRUE(names);
  const auto map = by_name(*names);
  ASSERT_EQ(map.size(), 5u);
  EXPECT_EQ(map.at("file").type, DT_REG);
  EXPECT_EQ(map.at("sub").type, DT_DIR);
  EXPECT_EQ(map.at("empty").type, DT_DIR);
  EXPECT_EQ(map.at(".").ino, tree().stat("/d")->ino);
  EXPECT_EQ(map.at("..").ino, tree().stat("/")->ino);
  EXPECT_EQ(tree().list("/d/empty")->size(), 2u);
}

TEST_P(Listings, ShowTheInodeNumbersOfStat) {
  for (int i = 0; i < 20; ++i) origin().put("/d/f" + std::to_string(i), {.size = 1});
  const auto names = tree().list("/d");
  ASSERT_TRUE(names);
  std::set<std::uint64_t> seen;
  for (const Name& name : *names) {
    if (name.name[0] == '.') continue;
    EXPECT_EQ(name.ino, tree().stat("/d/" + name.name)->ino) << name.name;
    EXPECT_TRUE(seen.insert(name.ino).second) << name.name << " shares its inode number";
  }
}

TEST_P(Listings, KeepTheirInodeNumbersWhenReadAndListedAgain) {
  origin().put("/d/f", {.size = 100'000});
  const auto before = tree().stat("/d/f");
  ASSERT_TRUE(before);
  EXPECT_TRUE(reads_as("/d/f", 1, 100'000));
  EXPECT_EQ(by_name(*tree().list("/d")).at("f").ino, before->ino);
  EXPECT_EQ(tree().stat("/d/f")->ino, before->ino);
}

TEST_P(Listings, OfThousandsShowEachNameOnce) {
  constexpr std::size_t kCount = 3000;
  for (std::size_t i = 0; i < kCount; ++i) {
    origin().put("/big/entry number " + std::to_string(i), {.size = 0});
  }
  for (int pass = 0; pass < 2; ++pass) {
    const auto names = tree().list("/big");
    ASSERT_TRUE(names);
    EXPECT_EQ(by_name(*names).size(), kCount + 2);
  }
  EXPECT_EQ(origin().count("/big/"), 1u);
}

TEST_P(Listings, AreNotAskedForAgainWithinTheirTime) {
  origin().put("/d/f", {.size = 1});
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(tree().list("/d"));
    ASSERT_TRUE(tree().stat("/d/f"));
    ASSERT_FALSE(tree().stat("/d/absent"));
  }
  EXPECT_EQ(origin().count("/d/"), 1u);
  EXPECT_EQ(origin().count("/d/absent"), 0u) << "the listing says that it is not there";
}

TEST_P(Listings, NeedNotBeReadBeforeADeepPath) {
  origin().put("/a/b/c/d/e/file", {.size = 70'000});
  const auto attr = tree().stat("/a/b/c/d/e/file");
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->size, 70'000u);
  EXPECT_TRUE(reads_as("/a/b/c/d/e/file", 1, 70'000));
}

TEST_P(Listings, GiveExactSizesAndTimes) {
  const std::map<std::string, std::uint64_t> sizes{
      {"/zero", 0}, {"/one", 1}, {"/chunk", 65'536}, {"/odd", 1'234'567}, {"/huge", 5ull << 30}};
  const bool real = GetParam().server == ServerKind::nginx;
  for (const auto& [path, size] : sizes) {
    if (!real || size < (1u << 30)) origin().put(path, {.size = size, .mtime = kTime});
  }
  for (const auto& [path, size] : sizes) {
    if (real && size >= (1u << 30)) continue;
    const auto attr = tree().stat(path);
    ASSERT_TRUE(attr) << path;
    EXPECT_EQ(attr->size, size) << path;
    EXPECT_EQ(attr->type, mode_t{S_IFREG}) << path;
    // nginx prints minutes.
    EXPECT_GT(attr->mtime_ns, (kTime - 60) * 1'000'000'000) << path;
    EXPECT_LE(attr->mtime_ns, kTime * 1'000'000'000) << path;
  }
}

TEST_P(Listings, KnowWhatIsAFileAndWhatIsNotThere) {
  origin().put("/d/file", {.size = 1});
  const auto error_of = [&](const std::string& path) {
    const auto attr = tree().stat(path);
    return attr ? 0 : attr.error();
  };
  EXPECT_EQ(error_of("/d/absent"), ENOENT);
  EXPECT_EQ(error_of("/absent/below/it"), ENOENT);
  EXPECT_EQ(error_of("/d/file/below"), ENOTDIR);
  EXPECT_EQ(tree().stat("/")->type, mode_t{S_IFDIR});
  const auto names = tree().list("/d/file");
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error(), ENOTDIR);
}

}  // namespace
}  // namespace lazymirror::testing
