// SPDX-License-Identifier: Apache-2.0
//
// The job verify. Of every file of which anything is cached: is the origin's
// version still the same (asked of the origin), are the bytes those that were
// stored (checksums of the chunk map), and, when it is complete, those of a
// checksum that the origin publishes beside it. What is wrong is given up, so
// that it is fetched again when somebody reads it. The bytes are those of the
// disk, not of the page cache.
//
// Threads: as Job. Bytes are read in slices, other jobs get their turn between.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "engine/directory_walk.h"
#include "engine/job.h"
#include "listing/checksum_list.h"

namespace lazymirror {

class VerifyJob final : public Job {
 public:
  using Job::Job;

 private:
  struct Item {
    Entry entry;
    std::shared_ptr<MirrorFile> file;
    std::optional<PublishedSum> published = {};
    std::optional<Digest> digest = {};
    std::uint64_t at = 0;  // read up to here
    std::vector<ByteRange> damaged = {};
    std::optional<GivenUp> mismatch = {};  // why it is given up
    unsigned tries = 0;                    // of that
  };
  using ItemPtr = std::shared_ptr<Item>;
  static constexpr std::size_t kQuestions = 16;  // to the origin at once
  static constexpr std::size_t kPage = 256;
  static constexpr std::uint64_t kSlice = 8u << 20;
  static constexpr unsigned kOutages = 3;  // in a row; then it is not asked any more
  static constexpr unsigned kTries = 100;
  static constexpr Duration kPause{50};

  void work(const std::vector<Entry>& roots) override;
  void withdraw() override {}

  void count_more();
  void begin_checking();

  // which files, and what is published of them
  void next_page();
  [[nodiscard]] bool fill_page();
  void read_lists(std::vector<Entry> lists, UniqueFunction<void()> done);
  void read_list(const Entry& list);
  void use_list(const Entry& list);
  void list_read();
  [[nodiscard]] std::vector<Entry> general_lists();
  [[nodiscard]] std::vector<Entry> sole_lists() const;

  // the files
  void check_more();
  void ask(const Entry& entry);
  void answered(const ItemPtr& item, const Result<Entry>& now);
  void read_slice();
  void judge(const ItemPtr& item);
  void mismatch(const ItemPtr& item, const GivenUp& now);
  void give_up(const ItemPtr& item);
  void remember(const Item& item);
  void finish();

  std::optional<DirectoryWalk> counting_, directories_;
  std::deque<Entry> root_files_;
  std::vector<EntryId> root_directories_;

  EntryId directory_ = 0;  // of the page
  EntryId after_ = 0;
  bool more_in_directory_ = false;
  std::deque<Entry> page_;
  bool preparing_ = false;  // lists are read for the page
  PublishedSums sums_;      // of sums_of_
  EntryId sums_of_ = 0;     // the directory whose lists were read
  std::size_t lists_open_ = 0;
  UniqueFunction<void()> lists_done_;

  std::size_t open_ = 0;         // items under way
  std::deque<ItemPtr> to_read_;  // the first one is being read
  unsigned outages_ = 0;
};

}  // namespace lazymirror
