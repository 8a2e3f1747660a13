// SPDX-License-Identifier: Apache-2.0
//
// ChunkWriter over a DataFile: bytes go to the file in whole blocks, the
// checksum is carried along, and the bit is set when the whole chunk has been
// written. A part of a block waits for its rest: to write it alone, the file
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
  Result<> complete_block(std::span<const std::byte>& bytes, bool to_its_end);
  Result<> write(std::span<const std::byte> bytes);

  const std::shared_ptr<DataFile> file_;
  const DataFile::Fd data_;
  std::uint64_t offset_;
  std::uint32_t chunk_;
  ChunkChecksum checksum_;
  std::uint64_t written_;        // up to where, of the chunk
  std::vector<std::byte> rest_;  // what follows there, less than a block
  bool skipping_ = false;        // the chunk is present already
  std::optional<Error> broken_;
};

}  // namespace lazymirror
