// SPDX-License-Identifier: Apache-2.0
//
// What the engine asks for before anybody wants it, and when. Answers are held
// back, so that what was asked for at once is told from what came in turn.
#include "engine_fixture.h"

namespace lazymirror::testing {
namespace {

class LookAheadTest : public EngineTest {
 protected:
  LookAheadTest() { options.look_ahead = true; }

  // /d0/f ... /d9/f, and below each /dN/e/f
  void make_tree() {
    for (int i = 0; i < 10; ++i) {
      web->put(at(i) + "f", {10});
      web->put(at(i) + "e/f", {10});
    }
  }
  [[nodiscard]] static std::string at(int i) { return "/d" + std::to_string(i) + "/"; }
  [[nodiscard]] EntryId child(EntryId parent, const std::string& name) {
    const auto found = lookup(parent, name);
    return found ? found->id : 0;
  }
  // /d/f10 ... of 10,000 bytes each, the directory listed.
  void make_files(int count) {
    for (int i = 0; i < count; ++i) web->put(file(i), {kSize});
    start();
    ASSERT_TRUE(lookup(child(kRootId, "d"), "f10"));
  }
  [[nodiscard]] static std::string file(int i) { return "/d/f" + std::to_string(10 + i); }
  [[nodiscard]] ::testing::AssertionResult read(const std::string& path) {
    return reads(open(path.substr(1)), path.substr(1), 1, {0, kSize});
  }
  static constexpr std::uint64_t kSize = 10'000;

  // A completion that nobody waits for.
  static void ignore(const Result<std::shared_ptr<const DirectoryView>>&) {}
};

TEST_F(LookAheadTest, ListingsOfChildrenAreAskedForTogether) {
  make_tree();
  start();
  ASSERT_TRUE(lookup(kRootId, "d0"));  // the root's listing is there
  web->hold();
  ASSERT_TRUE(list(kRootId));
  EXPECT_TRUE(web->wait_for("LIST /d", 6)) << "of eight slots two are kept for demand";
  web->release();
  EXPECT_TRUE(web->wait_for("LIST /d", 10));
  EXPECT_TRUE(heard.wait_for("ahead " + std::to_string(child(kRootId, "d9"))));
  web->hold();
  EXPECT_TRUE(list(child(kRootId, "d9"))) << "is there";
}

TEST_F(LookAheadTest, AWalkIsFollowedIntoTheDepth) {
  make_tree();
  start();
  ASSERT_TRUE(list(kRootId));
  ASSERT_TRUE(list(child(kRootId, "d0")));
  ASSERT_TRUE(list(child(kRootId, "d1")));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(web->wait_for("LIST " + at(i) + "e/", 1));
  for (int i = 0; i < 10; ++i) {
    const EntryId d = child(kRootId, at(i).substr(1, 2));
    ASSERT_TRUE(list(d));
    ASSERT_TRUE(list(child(d, "e")));
  }
  EXPECT_EQ(web->count("LIST"), 21u) << "each once";
}

TEST_F(LookAheadTest, DemandComesBeforeIt) {
  make_tree();
  for (int i = 0; i < 100; ++i) web->put("/a/" + std::to_string(i) + "/f", {10});
  start();
  const EntryId a = child(kRootId, "a");
  ASSERT_TRUE(lookup(a, "0"));  // its listing is there
  web->hold();
  ASSERT_TRUE(list(a));
  ASSERT_TRUE(web->wait_for("LIST /a/", 7));
  engine->list(child(kRootId, "d5"), soon(), ignore);
  EXPECT_TRUE(web->wait_for("LIST /d5/", 1)) << "a slot was free for it";
  web->release();
}

TEST_F(LookAheadTest, LookingUpNamesFetchesNoListingAhead) {
  make_tree();
  start();
  ASSERT_TRUE(walk("d0/e/f"));
  ASSERT_TRUE(walk("d1/e/f"));
  EXPECT_EQ(web->count("LIST"), 5u) << "of those that were walked through";
}

TEST_F(LookAheadTest, NothingIsFetchedAheadWhenItIsOff) {
  make_tree();
  options.look_ahead = false;
  start();
  ASSERT_TRUE(list(kRootId));
  ASSERT_TRUE(list(child(kRootId, "d0")));
  ASSERT_TRUE(list(child(kRootId, "d1")));
  EXPECT_EQ(web->count("LIST"), 3u);
}

TEST_F(LookAheadTest, AnOriginThatIsAwayIsNotAskedForTheWholeTree) {
  for (int i = 0; i < 100; ++i) web->put("/d/" + std::to_string(i) + "/f", {10});
  start();
  const EntryId d = child(kRootId, "d");
  ASSERT_TRUE(lookup(d, "0"));
  web->fail_all(Errc::unreachable);
  ASSERT_TRUE(list(d));
  EXPECT_FALSE(list(child(d, "0")));
  EXPECT_FALSE(list(child(d, "50")));
  stop();
  EXPECT_LE(web->count("LIST /d/"), 1 + 16 + 2u);
}

TEST_F(LookAheadTest, SmallFilesThatFollowAreFetchedTogether) {
  make_files(60);
  ASSERT_TRUE(read(file(0)));
  ASSERT_TRUE(read(file(1)));
  web->hold();
  const auto third = open("d/f12");
  engine->fill(third, {0, kSize}, soon(), [](const Result<>&) {});
  EXPECT_TRUE(web->wait_for("GET /d/f", 6)) << "three beside it, while nothing is answered";
  web->release();
  for (int i = 2; i < 60; ++i) ASSERT_TRUE(read(file(i)));
  EXPECT_EQ(web->count("GET"), 60u) << "each once";
}

TEST_F(LookAheadTest, FilesOfTheNextDirectoryFollow) {
  for (int i = 0; i < 5; ++i) web->put("/e/g" + std::to_string(i), {kSize});
  make_files(10);
  ASSERT_TRUE(lookup(child(kRootId, "e"), "g0"));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(read(file(i)));
  EXPECT_TRUE(web->wait_for("GET /e/g", 1));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(read("/e/g" + std::to_string(i)));
}

TEST_F(LookAheadTest, TheNextDirectoryIsListedForWhoReadsOnAndOn) {
  for (int i = 0; i < 5; ++i) web->put("/e/f" + std::to_string(i), {kSize});
  make_files(20);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(read(file(i)));
  EXPECT_EQ(web->count("LIST /e/"), 0u);
  for (int i = 4; i < 16; ++i) ASSERT_TRUE(read(file(i)));
  EXPECT_TRUE(web->wait_for("LIST /e/", 1));
  EXPECT_TRUE(heard.wait_for("ahead " + std::to_string(child(kRootId, "e"))));
  for (int i = 16; i < 20; ++i) ASSERT_TRUE(read(file(i)));
  EXPECT_TRUE(web->wait_for("GET /e/", 1));
  EXPECT_TRUE(read("/e/f0"));
  EXPECT_EQ(web->count("LIST /e/"), 1u);
}

TEST_F(LookAheadTest, FilesHereAndThereBringNoOthers) {
  make_files(60);
  for (const int i : {30, 3, 50, 20, 40}) ASSERT_TRUE(read(file(i)));
  stop();
  EXPECT_EQ(web->count("GET"), 5u);
}

TEST_F(LookAheadTest, LargeFilesAreNotFetchedAhead) {
  for (int i = 0; i < 6; ++i) web->put("/big/f" + std::to_string(i), {4 * kMiB});
  start();
  for (int i = 0; i < 4; ++i) {
    const std::string path = "big/f" + std::to_string(i);
    ASSERT_TRUE(reads(open(path), path, 1, {0, 1'000}));
  }
  stop();
  EXPECT_EQ(web->count("GET"), 4u);
}

TEST_F(LookAheadTest, NoFilesAreFetchedAheadWhenItIsOff) {
  options.look_ahead = false;
  make_files(20);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(read(file(i)));
  stop();
  EXPECT_EQ(web->count("GET"), 10u);
}

}  // namespace
}  // namespace lazymirror::testing
