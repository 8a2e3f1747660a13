// SPDX-License-Identifier: Apache-2.0
//
// One generation of one file in the cache: its data file, its chunk map and
// its version. The only place that decides whether bytes are present.
//
// Threads: safe from any thread. Owns its descriptor; a generation that has
// been replaced stays readable for those who hold it.
//
// Ordering (docs/semantics.md, "Crash and power loss"): a bit is set in memory
// once pwrite returned, and in the catalog once the data was synced; it is
// cleared durably before bytes are given back. So bytes read between two looks
// at a set bit are the origin's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/byte_range.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/version.h"
#include "cache/entry.h"

namespace lazymirror {

class ChunkWriter;

class CachedFile : public std::enable_shared_from_this<CachedFile> {
 public:
  virtual ~CachedFile() = default;

  [[nodiscard]] virtual EntryId id() const = 0;
  [[nodiscard]] virtual std::uint64_t generation() const = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  [[nodiscard]] virtual std::uint32_t chunk_size() const = 0;
  [[nodiscard]] virtual Version version() const = 0;

  // Fixes the validators of this generation by the first answer that has any,
  // as long as it is not nameless. Errc::changed when `seen` is another version
  // than the one fixed, or has another size.
  virtual Result<> bind(const Version& seen) = 0;
  // Bytes are here, or on their way, that came without a validator: one that is
  // seen now says nothing of them. For the rest of its life the generation has
  // none.
  [[nodiscard]] virtual bool is_nameless() const = 0;

  // THE predicate: every byte of `range` (cut to the size) is in the data file
  // and may be shown. After a power loss it checks checksums on first use.
  [[nodiscard]] virtual bool is_present(ByteRange range) = 0;
  // As ChunkMap::first_missing(), by the same rule.
  [[nodiscard]] virtual std::optional<ByteRange> first_missing(ByteRange range) = 0;
  // Of the map alone; chunks that still need their check do not count, so a
  // file is complete again some time after a power loss, as it is read.
  [[nodiscard]] virtual bool is_complete() = 0;
  [[nodiscard]] virtual std::uint64_t present_bytes() const = 0;
  // Somebody uses the file, at that wall time. Cheap; recorded in batches.
  virtual void note_use(std::int64_t /*wall_ns*/) {}

  // Reads present bytes; short only at the end of the file. Errc::busy when
  // the range is not present (any more): fill it and try again.
  // `drop_behind`: leave no second copy in the page cache (RWF_DONTCACHE,
  // Linux 6.14; ignored where the kernel has none).
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset,
                                                 bool drop_behind) = 0;

  // A read-only descriptor of a complete file, for the kernel to read from.
  // Errc::busy when it is not complete.
  [[nodiscard]] virtual Result<UniqueFd> backing_fd() = 0;

  // Begins writing at `offset`, the start of a chunk. Creates the data file at
  // first use. Several writers may be at work; a chunk is written by whoever
  // completes it first and never rewritten while present.
  [[nodiscard]] virtual Result<std::unique_ptr<ChunkWriter>> write_from(std::uint64_t offset) = 0;

  // Gives up all bytes, the data file and durably the map. Who reads
  // from the old one (backing_fd) keeps right bytes; what is being written
  // into it is lost, its writers get Errc::io.
  virtual Result<> discard() = 0;

  // Reads the present chunks that touch `range` and compares them with their
  // checksums; nothing is changed. `sink` is shown the bytes in order, and may
  // be empty. Local disk work.
  using ByteSink = std::function<void(std::span<const std::byte>)>;
  struct Check {
    std::uint64_t bytes = 0;         // that were read
    std::vector<ByteRange> damaged;  // whole chunks
  };
  [[nodiscard]] virtual Check check(ByteRange range, const ByteSink& sink) = 0;
  // Those chunks are not present any more, durably. In place only by way of
  // InPlace::forget().
  virtual Result<> forget(std::span<const ByteRange> ranges) = 0;
};

// A run of consecutive bytes on their way into a CachedFile. Not synchronised.
class ChunkWriter {
 public:
  virtual ~ChunkWriter() = default;
  // Stores the next bytes; the range that became present with this call (may
  // be empty). A chunk that is broken off stays absent. Errc::no_space,
  // Errc::io; the bytes stored before remain.
  [[nodiscard]] virtual Result<ByteRange> append(std::span<const std::byte> bytes) = 0;
};

}  // namespace lazymirror
