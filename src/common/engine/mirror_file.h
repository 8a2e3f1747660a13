// SPDX-License-Identifier: Apache-2.0
//
// One generation of a file, open: joins its bytes in the cache to the origin
// they come from. What front ends hold (File) and what is filled (FillTarget)
// is the same object, shared by all who have this generation open.
//
// Threads: safe from any thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/guarded.h"
#include "base/url.h"
#include "engine/admissions.h"
#include "engine/engine.h"
#include "fetch/read_ahead.h"

namespace lazymirror {

class MirrorFile;

// What happens to files while they are filled, for the rest of the engine.
// Called on any thread, no lock held; must be short.
class FileEvents {
 public:
  virtual ~FileEvents() = default;
  virtual void read_range(RangeRequest request, std::shared_ptr<RangeSink> sink) = 0;
  // See Admissions; the second is for more than was asked for.
  virtual void admit(std::uint64_t bytes, Completion<RoomPtr> done) = 0;
  [[nodiscard]] virtual RoomPtr try_admit(std::uint64_t bytes) = 0;
  [[nodiscard]] virtual bool ranges_supported() = 0;
  virtual void answered() = 0;
  virtual void completed(const MirrorFile& file) = 0;
  // Another version is at the origin; `seen` if the answer said which.
  virtual void changed(const MirrorFile& file, const std::optional<Version>& seen) = 0;
  virtual void disk_is_full() = 0;                 // a write has failed
  [[nodiscard]] virtual bool is_cache_full() = 0;  // was so a moment ago
};

class MirrorFile final : public File,
                         public FillTarget,
                         public std::enable_shared_from_this<MirrorFile> {
 public:
  // Files up to this size are asked for in one request.
  static constexpr std::uint64_t kSmall = 512u << 10;

  // `events` outlives every transfer of the file.
  MirrorFile(const Entry& entry, Url url, std::shared_ptr<CachedFile> cached, FileEvents& events);

  // File
  [[nodiscard]] EntryId id() const override { return cached_->id(); }
  [[nodiscard]] std::uint64_t generation() const override { return cached_->generation(); }
  [[nodiscard]] std::uint64_t size() const override { return cached_->size(); }
  [[nodiscard]] bool is_present(ByteRange range) override;
  [[nodiscard]] bool is_complete() override;
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset,
                                         bool drop_behind) override;
  [[nodiscard]] Result<UniqueFd> backing_fd() override;
  [[nodiscard]] std::shared_ptr<void> hold_open() override;

  // FillTarget
  [[nodiscard]] std::uint64_t chunk_size() const override { return cached_->chunk_size(); }
  [[nodiscard]] std::optional<ByteRange> first_missing(ByteRange range) override;
  [[nodiscard]] ByteRange request_for(ByteRange missing) override;
  void start(ByteRange range, SteadyTime deadline,
             std::shared_ptr<TransferObserver> observer) override;

  // True once.
  [[nodiscard]] bool first_use() { return !used_.exchange(true); }
  // Notes a read; what to fetch ahead, within `window` bytes.
  [[nodiscard]] std::optional<ReadAhead::Guess> note_read(ByteRange range, std::uint64_t window);
  // Who reads next begins anew.
  void forget_reads();
  void note_use(std::int64_t wall_ns);
  [[nodiscard]] bool is_open() const { return opens_ > 0; }  // as hold_open() says
  // Its bytes have been given back: it may be completed once more.
  void evicted() { announced_ = false; }

  [[nodiscard]] const Url& url() const { return url_; }
  [[nodiscard]] EntryId parent() const { return parent_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Version version() const { return cached_->version(); }
  [[nodiscard]] std::uint64_t present_bytes() const { return cached_->present_bytes(); }
  [[nodiscard]] CachedFile& cached() { return *cached_; }
  // As CachedFile::bind().
  Result<> bind(const Version& seen) { return cached_->bind(seen); }
  // Errc::changed: what was read of this object and what could still be read
  // are, or may be, of different versions.
  [[nodiscard]] Result<> check_usable() const;

 private:
  friend class FillSink;

  const EntryId parent_;
  const std::string name_;
  const Url url_;
  const std::shared_ptr<CachedFile> cached_;
  FileEvents& events_;
  Guarded<ReadAhead> read_ahead_;

  void start_in(RoomPtr room, ByteRange range, SteadyTime deadline,
                std::shared_ptr<TransferObserver> observer);

  std::atomic<bool> used_{false};
  std::atomic<unsigned> opens_{0};
  std::atomic<std::int64_t> noted_ns_{0};   // the last use that was passed on
  std::atomic<bool> whole_only_{false};     // ranges cannot be had of this file
  std::atomic<unsigned> whole_streams_{0};  // under way, on servers without ranges
  std::atomic<bool> superseded_{false};  // the origin has another version: nothing more to be had
  std::atomic<bool> tainted_{false};     // and what is here is of a version that is gone
  std::atomic<bool> announced_{false};   // completed() was called
};

}  // namespace lazymirror
