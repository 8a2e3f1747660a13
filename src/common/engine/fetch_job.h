// SPDX-License-Identifier: Apache-2.0
//
// The jobs fetch, pin, metadata and refresh. First all listings, many at once, which
// tells how much there is; then, for fetch, the bytes of what is missing. A file
// that cannot be had is said and left out.
//
// Threads: as Job.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "engine/directory_walk.h"
#include "engine/job.h"
#include "fetch/bulk_window.h"

namespace lazymirror {

class FetchJob final : public Job {
 public:
  using Job::Job;

 private:
  // A file under way.
  struct Item {
    Entry entry;
    std::shared_ptr<MirrorFile> file;
    std::uint64_t at = 0;           // asked for up to here
    std::uint64_t here_before = 0;  // bytes that were present at the start
    unsigned open = 0;              // pieces under way
    unsigned tries = 0;             // of other versions
    bool asked = false;             // all that is missing has been asked for
    std::optional<Error> error;
  };
  using ItemPtr = std::shared_ptr<Item>;
  struct Piece {
    ItemPtr item;
    ByteRange range;
    WaiterId waiter = 0;
  };
  static constexpr std::size_t kListings = 64;  // under way
  static constexpr std::size_t kPage = 256;     // files taken from the catalog at once
  static constexpr unsigned kVersions = 3;      // of one file, that may come up meanwhile

  void work(const std::vector<Entry>& roots) override;
  void withdraw() override;
  void count() override;
  void went_offline() override;
  [[nodiscard]] bool brings_bytes() const {
    return request().kind == JobKind::fetch || request().kind == JobKind::pin;
  }

  // listings
  void add_root(const Entry& root);
  void list_more();
  void list(EntryId directory);
  void listed(EntryId directory, const Result<>& loaded);
  void populate(EntryId directory);
  void sized(EntryId directory, const std::optional<Error>& missing);
  void add_up(EntryId directory);
  void name_unsized(EntryId directory);
  void check_file(const Entry& file);
  void all_listed();
  void begin_fetching();
  void pin_all();

  // bytes
  void fetch_more();
  [[nodiscard]] bool take_next_file();
  [[nodiscard]] std::optional<Entry> next_missing();
  void open_next(const ItemPtr& item);
  [[nodiscard]] bool ask_piece(const ItemPtr& item);
  void arrived(std::uint64_t number, const Result<>& result);
  void settle(const ItemPtr& item);
  void try_again(const ItemPtr& item);
  void close(const ItemPtr& item);
  void all_fetched();
  void end_offline();

  std::optional<DirectoryWalk> listings_, directories_;
  std::deque<Entry> root_files_;
  std::vector<EntryId> roots_, root_directories_;
  std::uint64_t here_ = 0;          // bytes of what it is about, when it was listed
  std::uint64_t checks_ = 0;        // of single files, under way
  std::uint64_t unlisted_ = 0;      // directories that are not known, for want of a network
  std::uint64_t failed_files_ = 0;  // of those that are counted
  bool all_listed_ = false;

  EntryId directory_ = 0;  // whose files are fetched, after the last one taken
  EntryId after_ = 0;
  std::deque<Entry> page_;
  ItemPtr current_;
  std::deque<ItemPtr> again_;         // of other versions
  std::map<EntryId, ItemPtr> items_;  // under way
  std::map<std::uint64_t, Piece> pieces_;
  std::uint64_t next_piece_ = 1;
  BulkWindow window_;
  // Of files that are done with; the second of them: were here before.
  std::uint64_t settled_bytes_ = 0, settled_present_ = 0;
};

}  // namespace lazymirror
