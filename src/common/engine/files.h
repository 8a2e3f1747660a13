// SPDX-License-Identifier: Apache-2.0
//
// Opens files, fills them, reads what cannot be kept.
//
// Threads: safe from any thread. Events of transfers are passed on to the pool
// where they touch the catalog or the front end.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/mirror_file.h"
#include "engine/parts.h"
#include "engine/prober.h"

namespace lazymirror {

class Files final : public FileEvents {
 public:
  Files(const Parts& parts, OpenFiles& open, Describer& describer, Prober& prober);

  [[nodiscard]] Result<std::shared_ptr<MirrorFile>> open(EntryId id);
  WaiterId fill(const std::shared_ptr<File>& file, ByteRange range, RequestContext context,
                Completion<> done);
  // The same for a job: says nothing of what is read next.
  WaiterId fetch(const std::shared_ptr<MirrorFile>& file, ByteRange range, RequestContext context,
                 Completion<> done);
  // Fetches all of a file behind everything that somebody waits for.
  void prefetch(EntryId id);
  void cancel(WaiterId id) { fills_.cancel(id); }
  void abandon(const std::shared_ptr<File>& file);
  void read_uncached(const std::shared_ptr<File>& file, ByteRange range, RequestContext context,
                     Completion<std::vector<std::byte>> done);
  void stop() { fills_.stop(); }

  // Fills that found their bytes here, and those that did not.
  [[nodiscard]] std::uint64_t hits() const { return hits_; }
  [[nodiscard]] std::uint64_t misses() const { return misses_; }

  // FileEvents
  void read_range(RangeRequest request, std::shared_ptr<RangeSink> sink) override;
  [[nodiscard]] bool ranges_supported() override { return parts_.uplink.ranges_supported(); }
  void answered() override { parts_.uplink.note_answer(); }
  void admit(std::uint64_t bytes, Completion<RoomPtr> done) override {
    parts_.storage.admissions().admit(bytes, std::move(done));
  }
  [[nodiscard]] RoomPtr try_admit(std::uint64_t bytes) override {
    return parts_.storage.admissions().try_admit(bytes);
  }
  void completed(const MirrorFile& file) override;
  void changed(const MirrorFile& file, const std::optional<Version>& seen) override;
  void disk_is_full() override { parts_.storage.disk_is_full(); }
  [[nodiscard]] bool is_cache_full() override { return parts_.storage.admissions().is_full(); }

 private:
  [[nodiscard]] Completion<> saying_why(Completion<> done);

  const Parts& parts_;
  OpenFiles& open_;
  Describer& describer_;
  Prober& prober_;
  FillScheduler fills_;
  std::atomic<std::uint64_t> hits_{0}, misses_{0};
};

}  // namespace lazymirror
