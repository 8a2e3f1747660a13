// SPDX-License-Identifier: Apache-2.0
//
// A range of a file fetched into memory and stored nowhere, of the version that
// is open or not at all.
//
// Threads: safe from any thread; owns itself until it has completed.
#pragma once

#include <memory>
#include <vector>

#include "base/guarded.h"
#include "engine/mirror_file.h"
#include "engine/parts.h"

namespace lazymirror {

class UncachedRead final : public RangeSink, public std::enable_shared_from_this<UncachedRead> {
 public:
  using Bytes = std::vector<std::byte>;

  // REQUIRES: `range` lies within the file and is not empty.
  static void start(const Parts& parts, std::shared_ptr<MirrorFile> file, ByteRange range,
                    RequestContext context, Completion<Bytes> done, FileEvents& events);

  UncachedRead(const Parts& parts, std::shared_ptr<MirrorFile> file, ByteRange range,
               Completion<Bytes> done, FileEvents& events);

  Result<> on_start(const Version& version, ByteRange range) override;
  Result<> on_bytes(std::uint64_t offset, std::span<const std::byte> bytes) override;
  void on_other_version(const Version& seen) override { seen_ = seen; }
  void on_end(Result<> result) override;

 private:
  struct Waiting {
    Completion<Bytes> done;  // empty once it was called
    TimerId timer = 0;
  };

  void begin(TicketId ticket, SteadyTime deadline);
  void arm(SteadyTime deadline);
  void finish(Result<Bytes> result);

  const Parts& parts_;
  const std::shared_ptr<MirrorFile> file_;
  const ByteRange range_;
  FileEvents& events_;
  Guarded<Waiting> waiting_;
  TicketId ticket_ = 0;  // the rest belongs to the network thread
  Bytes bytes_;
  std::optional<Version> seen_;
};

}  // namespace lazymirror
