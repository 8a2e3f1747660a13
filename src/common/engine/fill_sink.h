// SPDX-License-Identifier: Apache-2.0
//
// One transfer on its way into a cached file: checks that it is of the file's
// version, appends its bytes and tells the scheduler what became present.
//
// Threads: called on the origin's network thread only.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/mirror_file.h"

namespace lazymirror {

class FillSink final : public RangeSink {
 public:
  FillSink(std::shared_ptr<MirrorFile> file, ByteRange asked, RoomPtr room,
           std::shared_ptr<TransferObserver> observer);
  ~FillSink() override;

  Result<> on_start(const Version& version, ByteRange range) override;
  Result<> on_bytes(std::uint64_t offset, std::span<const std::byte> bytes) override;
  void on_other_version(const Version& seen) override { seen_ = seen; }
  void on_end(Result<> result) override;
  [[nodiscard]] bool is_urgent() const override { return observer_->is_urgent(); }

 private:
  [[nodiscard]] Result<> accept_range(const Version& version, ByteRange range);
  [[nodiscard]] Result<> admit_whole();
  [[nodiscard]] Failure not_stored(Error error);
  [[nodiscard]] Result<> compare(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Failure give_up();
  void announce_if_complete();
  [[nodiscard]] Result<> judge(Result<> result);

  const std::shared_ptr<MirrorFile> file_;
  const ByteRange asked_;
  RoomPtr room_;
  const std::shared_ptr<TransferObserver> observer_;
  std::unique_ptr<ChunkWriter> writer_;  // until all of the range is there
  std::uint64_t end_ = 0;                // of the range
  Version version_;
  std::optional<Version> seen_;  // when it is not the version of the file
  bool compares_ = false;        // nameless: bytes that are present must be equal
  bool yields_ = false;          // to a stream that brings all of the file already
  bool counted_ = false;         // in MirrorFile::whole_streams_
  std::vector<std::byte> scratch_;
};

}  // namespace lazymirror
