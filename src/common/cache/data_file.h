// SPDX-License-Identifier: Apache-2.0
//
// CachedFile over a sparse file in the data tree. See cached_file.h for what
// it promises.
//
// A data file and its map belong together by a random tag that both carry.
// Bytes are given back by giving up the inode, never by changing it: whoever
// still reads the old one reads right bytes, and a writer into the old one
// sets no bits of the new one.
//
// In place (placement.h) users have the data file itself open, so its inode is
// kept as long as it can be: what stands at the path for this generation is
// written into, its time is put back after every write, and eviction changes
// the inode, when it is certain that nobody has it open (data_file_evict.cpp).
//
// Locks: `state_` is a leaf. `creation_` is held while a data file is made,
// given up or changed without its writers (local disk work), by nobody who
// already holds a lock; readers of present bytes never take it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/guarded.h"
#include "cache/cached_file.h"
#include "cache/catalog.h"
#include "cache/chunk_map.h"
#include "cache/committer.h"
#include "cache/data_tree.h"
#include "cache/placeholder.h"
#include "cache/reservations.h"
#include "cache/uses.h"

namespace lazymirror {

// What all files of a cache share. Outlives them: they hold it.
struct FileContext {
  FileContext(std::unique_ptr<Catalog> c, UniqueFd data, UniqueFd temporary, Duration interval)
      : catalog(std::move(c)),
        tree(std::move(data), std::move(temporary)),
        committer(*catalog, tree.data_fd(), interval) {}

  std::unique_ptr<Catalog> catalog;
  DataTree tree;
  std::unique_ptr<Placeholders> placeholders;              // in place only
  std::unique_ptr<const Reservations> reservations;        // in place only
  std::function<Result<UniqueFd>(int file)> open_quietly;  // see CacheOptions; may be null
  std::atomic<bool> can_drop_behind{true};                 // until the kernel says no
  std::atomic<std::uint64_t> unrecorded{0};                // bytes that are stored so far
  std::atomic<unsigned> writers{0};                        // of all files
  Uses uses;
  Committer committer;
};

class DataFile final : public CachedFile, public Committable {
 public:
  using Fd = std::shared_ptr<const UniqueFd>;

  // `record` as Catalog::load() gave it. A map without its data file is ignored.
  [[nodiscard]] static Result<std::shared_ptr<DataFile>> open(std::shared_ptr<FileContext> context,
                                                              FileRecord record, TreePath path);

  [[nodiscard]] EntryId id() const override { return id_; }
  [[nodiscard]] std::uint64_t generation() const override { return generation_; }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] std::uint32_t chunk_size() const override { return chunk_size_; }
  [[nodiscard]] Version version() const override;
  Result<> bind(const Version& seen) override;
  [[nodiscard]] bool is_nameless() const override;
  [[nodiscard]] bool is_present(ByteRange range) override;
  [[nodiscard]] std::optional<ByteRange> first_missing(ByteRange range) override;
  [[nodiscard]] bool is_complete() override;
  [[nodiscard]] std::uint64_t present_bytes() const override;
  void note_use(std::int64_t wall_ns) override;
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset,
                                         bool drop_behind) override;
  [[nodiscard]] Result<UniqueFd> backing_fd() override;
  [[nodiscard]] Result<std::unique_ptr<ChunkWriter>> write_from(std::uint64_t offset) override;
  Result<> discard() override;
  [[nodiscard]] Check check(ByteRange range, const ByteSink& sink) override;
  Result<> forget(std::span<const ByteRange> ranges) override;

  [[nodiscard]] std::optional<Snapshot> take_snapshot() override;
  void committed() override;
  void commit_failed() override;
  void data_lost(const Error& why) override;

  // No longer the current generation: it stays usable for those who hold it,
  // but leaves the tree and the catalog alone.
  void retire() { retired_ = true; }
  // Validators that the catalog has learned by another way; or, not recorded,
  // that it has no room for now. A nameless one does not take them.
  void learn(const Version& version, bool recorded = true);
  void show_mtime(std::int64_t mtime_ns);  // in place: from now on
  [[nodiscard]] bool is_written_to() const;
  [[nodiscard]] const TreePath& path() const { return path_; }

  // For the writer. A chunk counts as written when it is in `data`, the current
  // data file, and not under suspicion.
  [[nodiscard]] bool is_written(const Fd& data, std::uint32_t chunk) const;
  // False: `data` has been given up meanwhile.
  [[nodiscard]] bool mark_present(const Fd& data, std::uint32_t chunk, std::uint32_t crc);
  [[nodiscard]] ByteRange range_of(std::uint32_t chunk) const;
  // After each write into `data`: no reader sees another time than the origin's.
  Result<> restore_mtime(const Fd& data);
  void end_writing();

  // --- in place ---
  // Whether a file with that stamp is the one that is filled. Takes over what
  // stands at the path if nothing was known of it.
  [[nodiscard]] bool is_current(const Stamp& stamp);
  [[nodiscard]] std::uint64_t tag() const;  // 0: no data file
  // Holes that are no data, left by a run that was not in place or by a power
  // loss, become poison. Nothing happens where poison cannot be seen.
  Result<> plug_holes();
  // See Cache's functions of the same names. evict() also where it is not.
  Result<> evict();
  Result<std::uint64_t> evict_tail(std::uint64_t bytes);
  Result<> reserve();
  Result<> release();

  DataFile(std::shared_ptr<FileContext> context, const FileRecord& record, TreePath path);
  ~DataFile() override;

 private:
  struct State {
    explicit State(ChunkMap empty) : map(empty), suspects(std::move(empty)) {}
    ChunkMap map;
    ChunkMap suspects;  // bits of before a power loss, not checked yet; a subset of map
    std::vector<std::uint32_t> crcs;
    Version version;
    Fd data;
    std::uint64_t tag = 0;
    std::uint64_t clears = 0;
    std::uint64_t epoch = 0;  // that the record may state: an old one while there are suspects
    bool dirty = false;
    bool version_recorded = true;  // else nothing of the file is committed
    bool writable = false;         // `data` is
    bool quiet = false;            // writes through it move no times
    unsigned writers = 0;          // that have begun and not ended
    std::int64_t mtime_ns = 0;
    std::int64_t used_ns = 0;
    std::int64_t recording_used_ns = 0;  // what the catalog is just being told of
    // Bytes that the catalog does not count yet, and those of them that it is
    // just being told of; both are part of FileContext::unrecorded.
    std::uint64_t unrecorded = 0, recording = 0;

    [[nodiscard]] bool is_nameless() const {
      return !version.has_validator() && (writers > 0 || map.present_count() > 0);
    }
    // The catalog will count them, or they are gone.
    [[nodiscard]] std::uint64_t take_unrecorded() {
      return std::exchange(unrecorded, 0) + std::exchange(recording, 0);
    }
  };

  void adopt(FileRecord& record, bool has_map);
  struct Standing {
    UniqueFd fd;
    std::uint64_t tag = 0;
  };
  [[nodiscard]] std::optional<Standing> open_standing() const;
  void adopt_empty(Standing standing);
  void adopt_placeholder();
  Result<> record_version();
  Result<Fd> begin_writing();
  Result<Fd> data_for_writing();
  Result<Fd> reopen_for_writing(const Fd& data);
  void reopen_for_reading(const Fd& data);
  [[nodiscard]] Fd for_sync(Fd data);
  Result<Fd> create_data();
  Result<> place(const DataTree::NewFile& file) const;
  Result<Fd> put_placeholder(Placeholders::Rival rival);
  Result<UniqueFd> open_parent(Placeholders& placeholders) const;
  Result<Fd> take_over_rival();
  Result<> replace_data();
  Result<> give_up(Result<> (Catalog::*note)(const FileRecord&));
  [[nodiscard]] Result<> check_evictable();
  Result<> guard_again();
  [[nodiscard]] std::shared_ptr<void> before_lease();
  [[nodiscard]] Result<> check_unused();
  [[nodiscard]] Result<Fd> data_for_eviction();
  Result<> change_unused(const std::function<Result<>(const Fd&)>& change);
  Result<> evict_in_place();
  [[nodiscard]] ByteRange tail_of(const State& state, std::uint64_t bytes) const;
  Result<> give_back_tail(const Fd& data, ByteRange tail);
  Result<> empty_out(const Fd& data, ByteRange range);
  Result<> plug(const Fd& data);
  Result<> plug_hole(const Fd& data, ByteRange hole);
  Result<> give_back(const Fd& data);
  Result<> release_absent();
  [[nodiscard]] FileRecord record_of(const State& state) const;
  [[nodiscard]] FileRecord record_of_unsynced(const State& state) const;
  [[nodiscard]] Fd present_data(ByteRange range);
  void check_suspects(ByteRange range);
  // A chunk as it should be in `data`.
  struct Sample {
    std::uint32_t chunk = 0;
    std::uint32_t crc = 0;
    Fd data;
  };
  [[nodiscard]] std::optional<Sample> sample_of(std::uint32_t chunk) const;
  [[nodiscard]] bool is_intact(const Sample& sample, const ByteSink& sink) const;
  [[nodiscard]] Result<std::size_t> read_dropping(int fd, std::span<std::byte> out,
                                                  std::uint64_t offset) const;
  void check_suspect(const Sample& sample);
  void settle(const Sample& sample);
  void drop_pages(ByteRange range) const;
  void forget_chunk(const FileRecord& rest);
  void announce_changes();

  const std::shared_ptr<FileContext> context_;
  const TreePath path_;
  const EntryId id_;
  const std::uint64_t generation_;
  const std::uint64_t size_;
  const std::uint32_t chunk_size_;
  std::atomic<bool> retired_{false};
  std::mutex creation_;
  bool plugged_ = false;    // under creation_: it has no holes where nothing is present
  bool abandoned_ = false;  // under creation_: what stands at the path is given up
  Guarded<State> state_;
};

}  // namespace lazymirror
