// SPDX-License-Identifier: Apache-2.0
//
// What the catalog knows of stored bytes, last uses and pins.
#include "cache_fixture.h"

namespace lazymirror {
namespace {

using test::expect_ok;
using test::listed_directory;
using test::listed_file;
using test::value;

class CatalogStorageTest : public testing::Test {
 protected:
  CatalogStorageTest() { open(); }
  void open() {
    catalog_.reset();
    catalog_ = value(Catalog::open(directory_.path() + "/catalog.db", "boot"));
  }
  void list(std::vector<ListedEntry> entries, EntryId directory = kRootId) {
    value(catalog_->store_listing(directory, entries, ++now_, 2));
  }
  EntryId id_of(const std::string& name, EntryId directory = kRootId) {
    return value(catalog_->find(directory, name))->id;
  }
  FileRecord record_of(const std::string& name, std::uint64_t bytes, std::int64_t used_ns,
                       EntryId directory = kRootId) {
    FileRecord record = *value(catalog_->load(id_of(name, directory)));
    record.chunk_size = 65536;
    record.map = {std::byte{1}};
    record.crcs = {7};
    record.tag = 5;
    record.bytes = bytes;
    record.used_ns = used_ns;
    return record;
  }
  void store(const std::string& name, std::uint64_t bytes, std::int64_t used_ns = 0,
             EntryId directory = kRootId) {
    expect_ok(catalog_->commit(std::vector{record_of(name, bytes, used_ns, directory)}));
  }
  std::vector<EntryId> order() {
    std::vector<EntryId> ids;
    for (const auto& file : value(catalog_->stored_after(INT64_MIN, 0, 100)))
      ids.push_back(file.id);
    return ids;
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<Catalog> catalog_;
  std::int64_t now_ = 0;
};

TEST_F(CatalogStorageTest, UsesInTheFutureCountAsUsesNow) {
  list({listed_file("a", 10'000), listed_file("b", 10'000), listed_file("c", 10'000)});
  store("a", 4096, 500);
  store("b", 4096, 100);
  store("c", 4096, 150);
  expect_ok(catalog_->forget_future_uses(120));
  const auto stored = value(catalog_->stored_after(INT64_MIN, 0, 100));
  ASSERT_EQ(stored.size(), 3u);
  EXPECT_EQ(stored[0].used_ns, 100);
  EXPECT_EQ(stored[1].used_ns, 120);
  EXPECT_EQ(stored[2].used_ns, 120);
}

TEST_F(CatalogStorageTest, TheSumFollowsEveryChangeOfARecord) {
  list({listed_file("a", 10'000), listed_file("b", 10'000), listed_file("c", 10'000)});
  EXPECT_EQ(catalog_->stored_bytes(), 0u);
  store("a", 8192);
  store("b", 4096);
  store("c", 12288);
  EXPECT_EQ(catalog_->stored_bytes(), 24576u);
  store("a", 12288);
  EXPECT_EQ(catalog_->stored_bytes(), 28672u);
  const FileRecord stale = record_of("b", 4096, 0);
  FileRecord cleared = record_of("b", 0, 0);
  ++cleared.clears;
  expect_ok(catalog_->clear(cleared));
  EXPECT_EQ(catalog_->stored_bytes(), 24576u);
  expect_ok(catalog_->commit(std::vector{stale}));
  EXPECT_EQ(catalog_->stored_bytes(), 24576u);
  open();
  EXPECT_EQ(catalog_->stored_bytes(), 24576u);
  list({listed_file("a", 20'000), listed_file("c", 10'000)});
  EXPECT_EQ(catalog_->stored_bytes(), 12288u) << "b is gone, a another file";
  value(catalog_->record_file(id_of("c"), Version{11'000, "", 5}, 9));
  EXPECT_EQ(catalog_->stored_bytes(), 0u);
}

TEST_F(CatalogStorageTest, FilesComeInTheOrderOfTheirLastUse) {
  list({listed_file("a", 8192), listed_file("b", 8192), listed_file("c", 8192),
        listed_file("d", 8192), listed_file("e", 8192)});
  store("a", 8192, 30);
  store("b", 4096, 10);
  store("c", 8192, 20);
  store("d", 8192, 20);
  store("e", 0, 5);
  EXPECT_EQ(order(), (std::vector{id_of("b"), id_of("c"), id_of("d"), id_of("a")}));
  const auto page = value(catalog_->stored_after(20, id_of("c"), 1));
  ASSERT_EQ(page.size(), 1u);
  EXPECT_EQ(page[0].id, id_of("d"));
  EXPECT_EQ(page[0].bytes, 8192u);
  EXPECT_TRUE(page[0].complete);
  EXPECT_FALSE(value(catalog_->stored_after(INT64_MIN, 0, 1))[0].complete);
}

TEST_F(CatalogStorageTest, OnlyLaterUsesCount) {
  list({listed_file("a", 8192), listed_file("b", 8192)});
  store("a", 8192, 10);
  store("b", 8192, 20);
  expect_ok(catalog_->record_uses(
      std::vector<Catalog::Use>{{id_of("a"), 30}, {id_of("b"), 15}, {987'654, 7}}));
  store("a", 8192, 25);
  EXPECT_EQ(order(), (std::vector{id_of("b"), id_of("a")}));
  open();
  EXPECT_EQ(value(catalog_->load(id_of("a")))->used_ns, 30);
  EXPECT_EQ(value(catalog_->load(id_of("b")))->used_ns, 20);
}

TEST_F(CatalogStorageTest, PinsLastAsLongAsTheirEntries) {
  list({listed_directory("d"), listed_file("a", 8192), listed_file("b", 8192)});
  const EntryId d = id_of("d");
  list({listed_file("x", 8192), listed_directory("e")}, d);
  const EntryId e = id_of("e", d);
  list({listed_file("y", 4096)}, e);
  store("a", 8192);
  store("b", 8192);
  store("x", 8192, 0, d);
  store("y", 4096, 0, e);
  expect_ok(catalog_->pin(d));
  expect_ok(catalog_->pin(d));
  expect_ok(catalog_->pin(id_of("x", d)));
  expect_ok(catalog_->pin(id_of("a")));
  EXPECT_EQ(catalog_->pin(987'654).error().code, Errc::not_found);
  EXPECT_EQ(value(catalog_->pinned_bytes()), 20480u) << "what is pinned twice counts once";
  open();
  EXPECT_EQ(value(catalog_->pins()).size(), 3u);
  list({listed_file("a", 8192), listed_file("b", 8192)});
  EXPECT_EQ(value(catalog_->pins()), std::vector{id_of("a")});
  EXPECT_EQ(value(catalog_->pinned_bytes()), 8192u);
  expect_ok(catalog_->unpin(id_of("a")));
  EXPECT_EQ(catalog_->unpin(id_of("a")).error().code, Errc::not_found);
  EXPECT_EQ(value(catalog_->pinned_bytes()), 0u);
}

TEST_F(CatalogStorageTest, TheSizeOfTheCacheIsRemembered) {
  EXPECT_EQ(value(catalog_->cache_size()), std::nullopt);
  expect_ok(catalog_->set_cache_size(12345));
  open();
  EXPECT_EQ(value(catalog_->cache_size()), 12345u);
}

}  // namespace
}  // namespace lazymirror
