// SPDX-License-Identifier: Apache-2.0
//
// Catalog against a map of names, over listings, records, commits, clears and
// restarts.
#include <map>

#include "model/random_steps.h"
#include "unit/cache/cache_fixture.h"

namespace lazymirror {
namespace {

using test::expect_ok;
using test::value;

struct ModelFile {
  EntryId id = 0;
  std::uint64_t generation = 1;
  std::uint64_t listed_size = 0;
  std::uint64_t size = 0;
  std::string etag;
  std::uint64_t clears = 0;
  std::vector<std::byte> map;
};

class CatalogModelTest : public testing::Test {
 protected:
  void open() {
    catalog_.reset();
    catalog_ = value(Catalog::open(directory_.path() + "/c.db", "boot"));
  }
  std::string random_name() { return "n" + std::to_string(random_.below(12)); }

  void store_listing();
  void record();
  void commit(bool stale);
  void clear();
  void check();

  test::RandomSteps random_;
  test::TemporaryDirectory directory_;
  std::unique_ptr<Catalog> catalog_;
  std::map<std::string, ModelFile> model_;
  EntryId largest_ = kRootId;
  std::int64_t now_ = 1;
};

void CatalogModelTest::store_listing() {
  std::map<std::string, std::uint64_t> wanted;
  for (auto n = random_.below(12); n > 0; --n) wanted[random_name()] = 100 + random_.below(3);
  std::vector<ListedEntry> entries;
  for (const auto& [name, size] : wanted) entries.push_back(test::listed_file(name, size));
  ++now_;
  const auto diff = value(catalog_->store_listing(kRootId, entries, now_, now_));
  std::size_t removed = 0, changed = 0, added = 0;
  removed = std::erase_if(model_, [&](const auto& item) { return !wanted.contains(item.first); });
  for (const auto& [name, size] : wanted) {
    const auto known = model_.find(name);
    if (known == model_.end()) {
      ModelFile file;
      file.id = value(catalog_->find(kRootId, name))->id;
      ASSERT_GT(file.id, largest_) << "an id was used again";
      file.listed_size = file.size = size;
      model_[name] = file;
      ++added;
    } else if (known->second.listed_size != size && known->second.size == size) {
      known->second.listed_size = size;  // the listing has caught up
    } else if (known->second.listed_size != size) {
      known->second = {known->second.id, known->second.generation + 1, size, size, "", 0, {}};
      ++changed;
    }
  }
  for (const auto& [name, file] : model_) largest_ = std::max(largest_, file.id);
  ASSERT_EQ(diff.removed.size(), removed);
  ASSERT_EQ(diff.changed.size(), changed);
  ASSERT_EQ(diff.added.size(), added);
}

void CatalogModelTest::record() {
  const auto it = model_.find(random_name());
  if (it == model_.end()) return;
  ModelFile& file = it->second;
  const Version seen{100 + random_.below(2), "\"" + std::to_string(random_.below(2)) + "\"", {}};
  value(catalog_->record_file(file.id, seen, ++now_));
  if (file.size != seen.size || (!file.etag.empty() && file.etag != seen.etag)) {
    file = {file.id, file.generation + 1, file.listed_size, seen.size, seen.etag, 0, {}};
  } else {
    file.etag = seen.etag;
  }
}

void CatalogModelTest::commit(bool stale) {
  const auto it = model_.find(random_name());
  if (it == model_.end()) return;
  ModelFile& file = it->second;
  FileRecord record = *value(catalog_->load(file.id));
  record.chunk_size = 64;
  record.map = {static_cast<std::byte>(random_.below(4))};
  record.crcs = {1, 2};
  record.clears = file.clears;
  if (stale) record.generation = file.generation - 1;
  expect_ok(catalog_->commit(std::vector{record}));
  if (!stale) file.map = record.map;
  if (stale || file.clears == 0) return;
  record.clears = file.clears - 1;
  record.map = {std::byte{3}};
  expect_ok(catalog_->commit(std::vector{record}));
}

void CatalogModelTest::clear() {
  const auto it = model_.find(random_name());
  if (it == model_.end()) return;
  ModelFile& file = it->second;
  FileRecord record = *value(catalog_->load(file.id));
  record.chunk_size = 64;
  record.map = file.map = {std::byte{0}};
  record.crcs = {0, 0};
  record.clears = ++file.clears;
  expect_ok(catalog_->clear(record));
}

void CatalogModelTest::check() {
  const auto children = value(catalog_->children(kRootId));
  ASSERT_EQ(children.size(), model_.size());
  ASSERT_EQ(value(catalog_->entry_count()), model_.size());
  for (std::size_t i = 0; i < children.size(); ++i) {
    const Entry& entry = children[i];
    ASSERT_TRUE(model_.contains(entry.name));
    const ModelFile& file = model_[entry.name];
    ASSERT_EQ(entry.id, file.id);
    ASSERT_EQ(entry.generation, file.generation);
    ASSERT_EQ(entry.size, file.size);
    ASSERT_TRUE(i == 0 || children[i - 1].id < entry.id);
    const auto record = value(catalog_->load(file.id));
    ASSERT_EQ(record->map, file.map);
    ASSERT_EQ(record->version.etag, file.etag);
    ASSERT_EQ(record->clears, file.clears);
  }
}

TEST_F(CatalogModelTest, AgreesWithAMapOfNames) {
  SCOPED_TRACE(random_.seed_text());
  open();
  for (int step = 0; step < 2'000 && !HasFatalFailure(); ++step) {
    switch (random_.below(12)) {
      case 0:
      case 1:
      case 2: store_listing(); break;
      case 3:
      case 4:
      case 5: record(); break;
      case 6:
      case 7: commit(false); break;
      case 8: commit(true); break;
      case 9: clear(); break;
      case 10: expect_ok(catalog_->checkpoint()); break;
      default:
        if (random_.one_in(10)) open();
    }
    check();
  }
}

}  // namespace
}  // namespace lazymirror
