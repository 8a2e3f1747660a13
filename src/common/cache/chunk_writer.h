// SPDX-License-Identifier: Apache-2.0
//
// ChunkWriter over a DataFile: bytes go to the file in pieces of 64 KiB, the
// checksum is carried along, and the bit is set when the whole chunk has been
// written. Less than a piece waits for its rest. Nobody can read it before its
// chunk is whole anyway; libcurl hands over 16 KiB at a time, and many small
// writes cost more than the copy, as do reads of the small folios that they
// leave in the page cache. A part of a block is never written alone: the file
// system would have to read the block first, which is one of poison in place.
#pragma once

#include <memory>
#include <vector>

#include "cache/checksum.h"
#include "cache/data_file.h"

namespace lazymirror {

class DataWriter final : public ChunkWriter {
 public:
  // REQUIRES: `offset` is the start of a chunk, or the size of the file.
  // DataFile::begin_writing() gave `data`.
  DataWriter(std::shared_ptr<DataFile> file, DataFile::Fd data, std::uint64_t offset);
  ~DataWriter() override { file_->end_writing(); }
  DataWriter(const DataWriter&) = delete;
  DataWriter& operator=(const DataWriter&) = delete;
  [[nodiscard]] Result<ByteRange> append(std::span<const std::byte> bytes) override;

 private:
  Result<> append_to_chunk(std::span<const std::byte> bytes, bool to_its_end);
  Result<> append_to_piece(std::span<const std::byte>& bytes, bool to_its_end);
  Result<> write(std::span<const std::byte> bytes);

  const std::shared_ptr<DataFile> file_;
  const DataFile::Fd data_;
  std::uint64_t offset_;
  std::uint32_t chunk_;
  ChunkChecksum checksum_;
  std::uint64_t written_;        // up to where, of the chunk
  std::vector<std::byte> rest_;  // what follows there, less than a piece
  bool skipping_ = false;        // the chunk is present already
  std::optional<Error> broken_;
};

}  // namespace lazymirror
