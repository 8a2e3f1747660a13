// SPDX-License-Identifier: Apache-2.0
//
// What store_listing() and record_file() make of what the origin says.
#include "cache/catalog.h"
#include "cache_fixture.h"

namespace lazymirror {
namespace {

using test::listed;
using test::listed_directory;
using test::listed_file;
using test::local;
using test::utc;
using test::value;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kSecond = 1'000'000'000;

class CatalogListingTest : public testing::Test {
 protected:
  ListingDiff list(std::vector<ListedEntry> entries, EntryId directory = kRootId) {
    now_ += kSecond;
    return value(catalog_->store_listing(directory, entries, now_, now_ + 300 * kSecond));
  }
  Entry find(const std::string& name, EntryId directory = kRootId) {
    auto entry = value(catalog_->find(directory, name));
    if (!entry) throw std::runtime_error("no " + name);
    return *entry;
  }
  Entry record(const std::string& name, const Version& version) {
    now_ += kSecond;
    return value(catalog_->record_file(find(name).id, version, now_));
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<Catalog> catalog_ = value(Catalog::open(directory_.path() + "/c.db", "boot"));
  std::int64_t now_ = 1'000'000 * kSecond;
};

std::vector<std::string> names(const std::vector<ListingDiff::Item>& items) {
  std::vector<std::string> all;
  for (const auto& item : items) all.push_back(item.name);
  return all;
}

// A FILETIME of zero, which some servers send.
TEST_F(CatalogListingTest, ALastModifiedBeforeAllDatesIsOneOfAnotherVersion) {
  list({listed_file("a", 5, utc(77))});
  record("a", {.size = 5, .etag = "", .last_modified = -11'644'473'600});
  list({listed_file("a", 5, utc(78))});
  EXPECT_EQ(find("a").generation, 2u);
}

TEST_F(CatalogListingTest, FirstListingAddsEverything) {
  const auto diff = list({listed_file("a", 5, utc(77)), listed_directory("d")});
  EXPECT_TRUE(diff.first);
  EXPECT_THAT(names(diff.added), ElementsAre("a", "d"));
  const Entry a = find("a");
  EXPECT_EQ(a.parent, kRootId);
  EXPECT_EQ(a.kind, EntryKind::file);
  EXPECT_EQ(a.size, 5u);
  EXPECT_EQ(a.mtime_ns, 77 * kSecond);
  EXPECT_EQ(a.ctime_ns, now_);
  EXPECT_EQ(a.generation, 1u);
  EXPECT_EQ(a.checked_ns, 0);
  EXPECT_TRUE(a.listing_is_exact);
  EXPECT_EQ(find("d").kind, EntryKind::directory);
  EXPECT_EQ(value(catalog_->entry_count()), 2u);
}

TEST_F(CatalogListingTest, UnchangedRefreshChangesNothingButTheDate) {
  list({listed_file("a", 5, utc(77)), listed_file("b"), listed_directory("d")});
  const Entry before = find("a");
  const auto mtime = value(catalog_->directory(kRootId)).mtime_ns;
  const auto diff = list({listed_file("a", 5, utc(77)), listed_file("b"), listed_directory("d")});
  EXPECT_FALSE(diff.first);
  EXPECT_FALSE(diff.any());
  EXPECT_EQ(find("a").id, before.id);
  EXPECT_EQ(find("a").ctime_ns, before.ctime_ns);
  const auto state = value(catalog_->directory(kRootId));
  EXPECT_EQ(state.mtime_ns, mtime);
  EXPECT_EQ(state.listed_ns, now_);
  EXPECT_EQ(state.fresh_until_ns, now_ + 300 * kSecond);
}

TEST_F(CatalogListingTest, OtherListedSizeIsANewGeneration) {
  list({listed_file("a", 5, utc(77))});
  const EntryId id = find("a").id;
  const auto diff = list({listed_file("a", 6, utc(78))});
  EXPECT_THAT(names(diff.changed), ElementsAre("a"));
  const Entry a = find("a");
  EXPECT_EQ(a.id, id);
  EXPECT_EQ(a.generation, 2u);
  EXPECT_EQ(a.size, 6u);
  EXPECT_EQ(a.mtime_ns, 78 * kSecond);
  EXPECT_EQ(a.ctime_ns, now_);
  EXPECT_EQ(value(catalog_->directory(kRootId)).mtime_ns, now_);
}

TEST_F(CatalogListingTest, OtherListedTimeWithoutSizeMakesTheSizeUnknown) {
  list({listed_file("a", std::nullopt, local(600))});
  record("a", {9, "\"e\"", 500});
  const auto diff = list({listed_file("a", std::nullopt, local(660))});
  EXPECT_THAT(names(diff.changed), ElementsAre("a"));
  const Entry a = find("a");
  EXPECT_EQ(a.generation, 2u);
  EXPECT_FALSE(a.size);
  EXPECT_FALSE(a.mtime_ns);
  EXPECT_EQ(a.checked_ns, 0);
}

TEST_F(CatalogListingTest, KnownSizeStaysWhenTheListingHasNone) {
  list({listed_file("a", std::nullopt, local(600))});
  record("a", {9, "", 500});
  EXPECT_FALSE(list({listed_file("a", std::nullopt, local(600))}).any());
  EXPECT_EQ(find("a").size, 9u);
  EXPECT_FALSE(list({listed_file("a")}).any()) << "a listing that says less changes nothing";
  EXPECT_EQ(find("a").size, 9u);
}

TEST_F(CatalogListingTest, CoarserOrFinerTimesOfTheSameMomentAreEqual) {
  list({listed_file("a", 5, utc(77, 1))});
  EXPECT_FALSE(list({listed_file("a", 5, utc(60, 60))}).any());
  EXPECT_FALSE(list({listed_file("a", 5, utc(100, 1))}).any());
  EXPECT_TRUE(list({listed_file("a", 5, utc(120, 1))}).any());
}

TEST_F(CatalogListingTest, ShownTimeStaysWithinAGeneration) {
  list({listed_file("a", 5, utc(60, 60))});
  EXPECT_EQ(record("a", {5, "", 77}).mtime_ns, 60 * kSecond);
  EXPECT_FALSE(list({listed_file("a", 5, utc(77, 1))}).any());
  EXPECT_EQ(find("a").mtime_ns, 60 * kSecond);
}

TEST_F(CatalogListingTest, TimeComesFromTheFileWhereTheZoneIsUnknown) {
  list({listed_file("a", std::nullopt, local(60))});
  EXPECT_FALSE(find("a").mtime_ns);
  EXPECT_EQ(record("a", {5, "", 77}).mtime_ns, 77 * kSecond);
}

TEST_F(CatalogListingTest, NameThatBecomesADirectoryIsANewEntry) {
  list({listed_file("a", 5)});
  const EntryId old = find("a").id;
  const auto diff = list({listed_directory("a")});
  EXPECT_THAT(names(diff.removed), ElementsAre("a"));
  EXPECT_THAT(names(diff.added), ElementsAre("a"));
  EXPECT_GT(find("a").id, old);
  EXPECT_EQ(catalog_->get(old).error().code, Errc::not_found);
  EXPECT_EQ(value(catalog_->entry_count()), 1u);
}

TEST_F(CatalogListingTest, UnknownKindMatchesAny) {
  list({listed("a", EntryKind::unknown), listed("b", EntryKind::unknown)});
  const EntryId a = find("a").id;
  EXPECT_EQ(value(catalog_->record_directory(a)).kind, EntryKind::directory);
  EXPECT_FALSE(list({listed("a", EntryKind::unknown), listed_file("b")}).any());
  EXPECT_EQ(find("a").id, a);
  EXPECT_EQ(find("a").kind, EntryKind::directory);
  EXPECT_EQ(find("b").kind, EntryKind::file);
}

TEST_F(CatalogListingTest, RemovedDirectoryTakesAllBelowWithIt) {
  list({listed_directory("d"), listed_file("keep", 1)});
  const EntryId d = find("d").id;
  list({listed_directory("e")}, d);
  const EntryId e = find("e", d).id;
  list({listed_file("f", 1)}, e);
  const EntryId f = find("f", e).id;
  const auto diff = list({listed_file("keep", 1)});
  EXPECT_THAT(names(diff.removed), ElementsAre("d"));
  EXPECT_FALSE(catalog_->get(e));
  EXPECT_FALSE(catalog_->get(f));
  EXPECT_EQ(value(catalog_->entry_count()), 1u);
}

TEST_F(CatalogListingTest, IdsAreNeverUsedAgain) {
  list({listed_file("a", 5)});
  const EntryId id = find("a").id;
  list({});
  list({listed_file("a", 5)});
  EXPECT_GT(find("a").id, id);
}

TEST_F(CatalogListingTest, FirstOfEqualNamesCounts) {
  EXPECT_EQ(list({listed_file("a", 5), listed_file("a", 6)}).added.size(), 1u);
  EXPECT_EQ(find("a").size, 5u);
  EXPECT_THAT(
      list({listed_file("a", 5), listed_file("a", 7), listed_file("b", 1), listed_file("b", 2)})
          .changed,
      IsEmpty());
  EXPECT_EQ(find("b").size, 1u);
}

TEST_F(CatalogListingTest, HrefIsKeptAsPublished) {
  ListedEntry entry = listed_file("a b", 5);
  entry.href = "a%20b";
  list({entry});
  EXPECT_EQ(find("a b").href, "a%20b");
  entry.href = "a+b";
  EXPECT_FALSE(list({entry}).any());
  EXPECT_EQ(find("a b").href, "a+b");
}

TEST_F(CatalogListingTest, ListsOnlyDirectories) {
  list({listed_file("a", 5)});
  const auto of_file = catalog_->store_listing(find("a").id, {}, now_, now_);
  ASSERT_FALSE(of_file);
  EXPECT_EQ(of_file.error().code, Errc::not_a_directory);
  const auto of_none = catalog_->store_listing(999, {}, now_, now_);
  ASSERT_FALSE(of_none);
  EXPECT_EQ(of_none.error().code, Errc::not_found);
}

TEST_F(CatalogListingTest, FailedListingLeavesOnlyADate) {
  test::expect_ok(catalog_->set_fresh_until(kRootId, 41, 42));
  EXPECT_EQ(value(catalog_->directory(kRootId)).fresh_until_ns, 42);
  EXPECT_EQ(value(catalog_->directory(kRootId)).asked_ns, 41);
  EXPECT_FALSE(value(catalog_->directory(kRootId)).listed);
  EXPECT_TRUE(list({listed_file("a", 1)}).first);
  test::expect_ok(catalog_->set_fresh_until(kRootId, 42, 43));
  EXPECT_TRUE(value(catalog_->directory(kRootId)).listed);
}

TEST_F(CatalogListingTest, TheMarkOfAListingStaysUntilTheNextOne) {
  const ListedEntry entries[] = {listed_file("a", 1)};
  const ListingValidator mark{"W/\"1\"", "Tue, 14 Nov 2023 22:13:20 GMT"};
  value(catalog_->store_listing(kRootId, entries, 10, 20, mark));
  EXPECT_EQ(value(catalog_->directory(kRootId)).validator, mark);
  EXPECT_EQ(value(catalog_->directory(kRootId)).asked_ns, 10);
  test::expect_ok(catalog_->set_fresh_until(kRootId, 30, 40));
  EXPECT_EQ(value(catalog_->directory(kRootId)).validator, mark);
  EXPECT_EQ(value(catalog_->directory(kRootId)).listed_ns, 10);
  EXPECT_EQ(value(catalog_->directory(kRootId)).asked_ns, 30);
  value(catalog_->store_listing(kRootId, entries, 50, 60));
  EXPECT_FALSE(value(catalog_->directory(kRootId)).validator.any());
}

TEST_F(CatalogListingTest, RecordFillsInWhatIsUnknown) {
  list({listed("a", EntryKind::unknown)});
  const Entry a = record("a", {9, "\"e\"", 500});
  EXPECT_EQ(a.kind, EntryKind::file);
  EXPECT_EQ(a.generation, 1u);
  EXPECT_EQ(a.size, 9u);
  EXPECT_EQ(a.mtime_ns, 500 * kSecond);
  EXPECT_EQ(a.checked_ns, now_);
  EXPECT_FALSE(a.listing_is_exact);
  EXPECT_EQ(value(catalog_->load(a.id))->version, (Version{9, "\"e\"", 500}));
}

TEST_F(CatalogListingTest, RecordThatContradictsBeginsAGeneration) {
  list({listed_file("a", 9, utc(500))});
  record("a", {9, "\"e\"", 500});
  EXPECT_EQ(record("a", {9, "\"e\"", 500}).generation, 1u);
  const Entry other_tag = record("a", {9, "\"f\"", 501});
  EXPECT_EQ(other_tag.generation, 2u);
  EXPECT_EQ(other_tag.mtime_ns, 501 * kSecond);
  const Entry other_size = record("a", {10, "\"f\"", 501});
  EXPECT_EQ(other_size.generation, 3u);
  EXPECT_EQ(other_size.size, 10u);
}

TEST_F(CatalogListingTest, ListingThatCatchesUpWithARecordIsNoNewGeneration) {
  list({listed_file("a", 9, utc(500))});
  record("a", {10, "\"f\"", 601});
  EXPECT_FALSE(list({listed_file("a", 9, utc(500))}).any()) << "the listing is still the old one";
  EXPECT_EQ(find("a").size, 10u);
  EXPECT_FALSE(list({listed_file("a", 10, utc(601))}).any());
  EXPECT_EQ(find("a").generation, 2u);
  EXPECT_TRUE(list({listed_file("a", 10, utc(602))}).any());
}

// Apache's has minutes of an unknown zone, and rounded sizes.
TEST_F(CatalogListingTest, ListingWithoutAZoneThatMayCatchUpHasTheFileAskedAbout) {
  constexpr std::int64_t kZone = 2 * 3600;
  list({listed_file("a", std::nullopt, local(60'000 + kZone))});
  record("a", {9, "\"e\"", 60'010});
  record("a", {10, "\"f\"", 72'050});
  EXPECT_FALSE(list({listed_file("a", std::nullopt, local(72'000 + kZone))}).any());
  EXPECT_EQ(find("a").generation, 2u);
  EXPECT_EQ(find("a").size, 10u);
  EXPECT_EQ(find("a").checked_ns, 1) << "to be asked about";
  record("a", {10, "\"f\"", 72'050});
  EXPECT_FALSE(list({listed_file("a", std::nullopt, local(72'000 + kZone))}).any());
  EXPECT_EQ(find("a").generation, 2u);
  EXPECT_TRUE(list({listed_file("a", std::nullopt, local(72'060 + kZone))}).any()) << "no zone's";
}

// nginx with autoindex_localtime, when the clocks are put back.
TEST_F(CatalogListingTest, TimesThatAllMoveByAnHourAreThoseOfAnotherZone) {
  constexpr std::int64_t kHour = 3600;
  list({listed_file("a", 5, utc(100'000)), listed_file("b", 6, utc(200'000)), listed_file("c")});
  record("a", {.size = 5, .etag = "\"a\"", .last_modified = 90'000});
  const auto diff = list({listed_file("a", 5, utc(100'000 - kHour)),
                          listed_file("b", 6, utc(200'000 - kHour)), listed_file("c")});
  EXPECT_THAT(names(diff.changed), ElementsAre("b")) << "nothing of it is kept, or known";
  EXPECT_EQ(find("a").generation, 1u);
  EXPECT_EQ(find("a").size, 5u);

  list({listed_file("a", 5, utc(100'000 - kHour)), listed_file("b", 6, utc(200'000 - kHour))});
  EXPECT_FALSE(find("a").listing_is_exact) << "until it was asked about";
  EXPECT_EQ(find("a").checked_ns, 1);
  record("a", {.size = 5, .etag = "\"a\"", .last_modified = 90'000});
  list({listed_file("a", 5, utc(100'000 - kHour)), listed_file("b", 6, utc(200'000 - kHour))});
  EXPECT_TRUE(find("a").listing_is_exact);
  EXPECT_EQ(find("a").generation, 1u);
}

TEST_F(CatalogListingTest, TimesThatMoveByThemselvesAreOfNewVersions) {
  const auto changed = [&](std::int64_t a, std::int64_t b, std::uint64_t size = 5) {
    for (const char* name : {"a", "b"}) {
      record(name, {.size = *find(name).size, .etag = "\"e\"", .last_modified = 90'000});
    }
    return names(list({listed_file("a", size, utc(a)), listed_file("b", 6, utc(b))}).changed);
  };
  list({listed_file("a", 5, utc(100'000)), listed_file("b", 6, utc(200'000))});
  EXPECT_THAT(changed(103'600, 200'000), ElementsAre("a")) << "one alone";
  EXPECT_THAT(changed(107'200, 207'200), ElementsAre("a", "b")) << "not by the same";
  EXPECT_THAT(changed(107'300, 207'300), ElementsAre("a", "b")) << "no zone's";
  EXPECT_THAT(changed(110'900, 210'900, 7), ElementsAre("a", "b")) << "another size";
  EXPECT_THAT(changed(210'900, 310'900), ElementsAre("a", "b")) << "further than zones";
  EXPECT_THAT(changed(207'300, 307'300), IsEmpty()) << "an hour";
}

TEST_F(CatalogListingTest, DirectoriesAreNotFiles) {
  list({listed_directory("d"), listed_file("f", 1)});
  EXPECT_EQ(catalog_->record_file(find("d").id, {1, "", 1}, now_).error().code,
            Errc::is_a_directory);
  EXPECT_EQ(catalog_->record_directory(find("f").id).error().code, Errc::not_a_directory);
}

TEST_F(CatalogListingTest, ImpossibleSizesAreNotStored) {
  list({listed_file("a", UINT64_MAX)});
  EXPECT_FALSE(find("a").size);
  EXPECT_EQ(catalog_->record_file(find("a").id, {UINT64_MAX, "", 1}, now_).error().code,
            Errc::bad_reply);
}

}  // namespace
}  // namespace lazymirror
