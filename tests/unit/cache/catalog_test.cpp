// SPDX-License-Identifier: Apache-2.0
#include "cache/catalog.h"

#include <sqlite3.h>

#include <fstream>

#include "cache_fixture.h"

namespace lazymirror {
namespace {

using test::expect_ok;
using test::listed_directory;
using test::listed_file;
using test::value;

class CatalogTest : public testing::Test {
 protected:
  void open(const std::string& boot = "boot") {
    catalog_.reset();
    catalog_ = value(Catalog::open(path(), boot));
  }
  [[nodiscard]] std::string path() const { return directory_.path() + "/catalog.db"; }
  void run_sql(const char* sql) {
    catalog_.reset();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  EntryId add_file(const std::string& name, std::uint64_t size) {
    std::vector<ListedEntry> entries{listed_file(name, size)};
    value(catalog_->store_listing(kRootId, entries, 1, 2));
    return value(catalog_->find(kRootId, name))->id;
  }
  FileRecord record_of(EntryId id) {
    FileRecord record = *value(catalog_->load(id));
    record.chunk_size = 64;
    record.map = {std::byte{1}};
    record.crcs = {7, 8};
    record.boot_epoch = catalog_->epoch();
    record.tag = 5;
    return record;
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, NewCatalogHasAnUnlistedRoot) {
  open();
  const Entry root = value(catalog_->get(kRootId));
  EXPECT_EQ(root.kind, EntryKind::directory);
  EXPECT_EQ(root.parent, kRootId);
  EXPECT_EQ(root.name, "");
  EXPECT_FALSE(value(catalog_->directory(kRootId)).listed);
  EXPECT_TRUE(value(catalog_->children(kRootId)).empty());
  EXPECT_TRUE(value(catalog_->lineage(kRootId)).empty());
  EXPECT_EQ(value(catalog_->entry_count()), 0u);
}

TEST_F(CatalogTest, EverythingSurvivesReopening) {
  open();
  expect_ok(catalog_->set_origin_url("http://example.org/"));
  const EntryId id = add_file("a", 100);
  expect_ok(catalog_->commit(std::vector{record_of(id)}));
  open();
  EXPECT_EQ(value(catalog_->origin_url()), "http://example.org/");
  EXPECT_EQ(value(catalog_->find(kRootId, "a"))->id, id);
  EXPECT_EQ(value(catalog_->entry_count()), 1u);
  const FileRecord record = *value(catalog_->load(id));
  EXPECT_EQ(record.map, (std::vector{std::byte{1}}));
  EXPECT_EQ(record.crcs, (std::vector<std::uint32_t>{7, 8}));
  EXPECT_EQ(record.chunk_size, 64u);
  EXPECT_EQ(record.tag, 5u);
}

TEST_F(CatalogTest, ChildrenComeInOrderOfTheirIds) {
  open();
  std::vector<ListedEntry> entries{listed_file("z", 1), listed_file("a", 1), listed_file("m", 1)};
  value(catalog_->store_listing(kRootId, entries, 1, 2));
  std::vector<std::string> names;
  for (const Entry& entry : value(catalog_->children(kRootId))) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"z", "a", "m"}));
}

TEST_F(CatalogTest, NamesAreBytes) {
  open();
  const std::string odd = "\xff\x01 'x\";--";
  const EntryId id = add_file(odd, 1);
  EXPECT_EQ(value(catalog_->find(kRootId, odd))->id, id);
  EXPECT_FALSE(value(catalog_->find(kRootId, "A")));
}

TEST_F(CatalogTest, FindsTheNextFilesWithoutSize) {
  open();
  std::vector<ListedEntry> entries{listed_file("a"), listed_directory("d"), listed_file("b", 5),
                                   listed_file("c"), listed_file("e")};
  value(catalog_->store_listing(kRootId, entries, 1, 2));
  const auto all = value(catalog_->unsized_after(kRootId, 0, 10));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].name, "c");
  const auto after = value(catalog_->unsized_after(kRootId, all[0].id, 1));
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].name, "c");
}

TEST_F(CatalogTest, FindsTheNextDirectoriesWithoutListing) {
  open();
  std::vector<ListedEntry> entries{listed_directory("a"), listed_file("f", 1),
                                   listed_directory("b"), listed_directory("c")};
  value(catalog_->store_listing(kRootId, entries, 1, 2));
  const auto all = value(catalog_->unlisted_after(kRootId, 0, 10));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(value(catalog_->unlisted_after(kRootId, all[0], 1)), std::vector<EntryId>{all[1]});
  value(catalog_->store_listing(all[1], {}, 1, 2));
  EXPECT_EQ(value(catalog_->unlisted_after(kRootId, all[0], 9)), std::vector<EntryId>{all[2]});
}

TEST_F(CatalogTest, LineageGoesFromTheRootDown) {
  open();
  std::vector<ListedEntry> entries{listed_directory("d")};
  value(catalog_->store_listing(kRootId, entries, 1, 2));
  const EntryId d = value(catalog_->find(kRootId, "d"))->id;
  entries = {listed_file("f", 1)};
  value(catalog_->store_listing(d, entries, 1, 2));
  const auto path = value(catalog_->lineage(value(catalog_->find(d, "f"))->id));
  ASSERT_EQ(path.size(), 2u);
  EXPECT_EQ(path[0].name, "d");
  EXPECT_EQ(path[1].name, "f");
}

TEST_F(CatalogTest, CommitSkipsOldGenerations) {
  open();
  const EntryId id = add_file("a", 100);
  const FileRecord old = record_of(id);
  value(catalog_->record_file(id, {101, "", std::nullopt}, 3));
  expect_ok(catalog_->commit(std::vector{old}));
  EXPECT_TRUE(value(catalog_->load(id))->map.empty());
}

TEST_F(CatalogTest, NewGenerationHasNoMap) {
  open();
  const EntryId id = add_file("a", 100);
  expect_ok(catalog_->commit(std::vector{record_of(id)}));
  value(catalog_->record_file(id, {101, "", std::nullopt}, 3));
  EXPECT_TRUE(value(catalog_->load(id))->map.empty());
}

TEST_F(CatalogTest, CommitTakenBeforeAClearBringsNothingBack) {
  open();
  const EntryId id = add_file("a", 100);
  const FileRecord before = record_of(id);
  expect_ok(catalog_->commit(std::vector{before}));
  FileRecord cleared = before;
  cleared.map = {std::byte{0}};
  cleared.clears = before.clears + 1;
  expect_ok(catalog_->clear(cleared));
  expect_ok(catalog_->commit(std::vector{before}));
  EXPECT_EQ(value(catalog_->load(id))->map, (std::vector{std::byte{0}}));
}

TEST_F(CatalogTest, FirstValidatorsAreFixed) {
  open();
  const EntryId id = add_file("a", 100);
  const Version first{100, "\"x\"", 5};
  EXPECT_EQ(value(catalog_->bind(id, 1, first)), first);
  EXPECT_EQ(value(catalog_->bind(id, 1, {100, "\"y\"", 6})), first);
  EXPECT_EQ(value(catalog_->load(id))->version, first);
  const Version other{100, "\"z\"", 7};
  EXPECT_EQ(value(catalog_->bind(id, 9, other)), other) << "not the current generation";
  EXPECT_EQ(value(catalog_->load(id))->version, first);
}

TEST_F(CatalogTest, UnknownSizeHasNoRecord) {
  open();
  std::vector<ListedEntry> entries{listed_file("a")};
  value(catalog_->store_listing(kRootId, entries, 1, 2));
  EXPECT_FALSE(value(catalog_->load(value(catalog_->find(kRootId, "a"))->id)));
  EXPECT_FALSE(value(catalog_->load(kRootId)));
  EXPECT_EQ(catalog_->load(99).error().code, Errc::not_found);
}

TEST_F(CatalogTest, EpochMovesOnlyAfterAnUncleanStopOfTheSystem) {
  open("boot1");
  const auto first = catalog_->epoch();
  open("boot1");
  EXPECT_EQ(catalog_->epoch(), first) << "only the daemon died";
  EXPECT_FALSE(catalog_->began_epoch());
  expect_ok(catalog_->mark_clean());
  open("boot2");
  EXPECT_EQ(catalog_->epoch(), first) << "a clean stop";
  open("boot3");
  EXPECT_EQ(catalog_->epoch(), first + 1);
  EXPECT_TRUE(catalog_->began_epoch());
  open("boot3");
  EXPECT_EQ(catalog_->epoch(), first + 1);
}

TEST_F(CatalogTest, CatalogOfANewerProgramIsRefused) {
  open();
  run_sql("PRAGMA user_version = 7");
  const auto opened = Catalog::open(path(), "boot");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::unsupported);
  EXPECT_NE(opened.error().message.find("format 7"), std::string::npos);
}

TEST_F(CatalogTest, WhatIsNoCatalogIsCorrupt) {
  std::ofstream(path()) << std::string(100'000, 'x');
  EXPECT_EQ(Catalog::open(path(), "boot").error().code, Errc::corrupt);
  std::filesystem::remove(path());
  run_sql("CREATE TABLE other(x)");
  EXPECT_EQ(Catalog::open(path(), "boot").error().code, Errc::corrupt);
}

TEST_F(CatalogTest, DamageMetWhileRunningIsFoundAtTheNextStart) {
  open();
  std::vector<ListedEntry> entries;
  for (int i = 0; i < 5'000; ++i) entries.push_back(listed_file("name" + std::to_string(i), 1));
  value(catalog_->store_listing(kRootId, entries, 1, 2));
  expect_ok(catalog_->mark_clean());
  catalog_.reset();
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(3 * 4096);
  file << std::string(std::filesystem::file_size(path()) - 4 * 4096, 'x');
  file.close();
  open();
  EXPECT_EQ(catalog_->children(kRootId).error().code, Errc::corrupt);
  expect_ok(catalog_->mark_clean());
  catalog_.reset();
  EXPECT_EQ(Catalog::open(path(), "boot").error().code, Errc::corrupt);
}

TEST_F(CatalogTest, LookupsDoNotWaitForAWriter) {
  open();
  add_file("a", 100);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(other, "BEGIN IMMEDIATE; UPDATE entry SET size = 7", nullptr, nullptr, nullptr),
      SQLITE_OK);
  EXPECT_EQ(value(catalog_->find(kRootId, "a"))->size, 100u);
  EXPECT_EQ(value(catalog_->children(kRootId)).size(), 1u);
  sqlite3_close(other);
}

TEST_F(CatalogTest, CheckpointMovesTheLogIntoTheDatabase) {
  open();
  add_file("a", 100);
  expect_ok(catalog_->checkpoint());
  std::filesystem::copy_file(path(), directory_.path() + "/copy.db");
  const auto copy = value(Catalog::open(directory_.path() + "/copy.db", "boot"));
  EXPECT_TRUE(value(copy->find(kRootId, "a")));
}

TEST(SqliteTest, NamesItsVersion) { EXPECT_EQ(sqlite_version_text().substr(0, 2), "3."); }

}  // namespace
}  // namespace lazymirror
