// SPDX-License-Identifier: Apache-2.0
#include "cache/chunk_writer.h"

#include <algorithm>

#include "base/file_io.h"

namespace lazymirror {
namespace {

constexpr std::size_t kPiece = 64u << 10;  // the smallest chunk; all are multiples of it

}  // namespace

Result<std::unique_ptr<ChunkWriter>> DataFile::write_from(std::uint64_t offset) {
  if (offset > size_ || (offset % chunk_size_ != 0 && offset != size_)) {
    return fail(Errc::invalid, "writing must begin at the start of a chunk");
  }
  auto data = begin_writing();
  if (!data) return fail(data.error());
  auto self = std::static_pointer_cast<DataFile>(shared_from_this());
  return std::make_unique<DataWriter>(std::move(self), *data, offset);
}

DataWriter::DataWriter(std::shared_ptr<DataFile> file, DataFile::Fd data, std::uint64_t offset)
    : file_(std::move(file)),
      data_(std::move(data)),
      offset_(offset),
      chunk_(static_cast<std::uint32_t>(offset / file_->chunk_size())),
      checksum_(file_->generation(), chunk_),
      written_(offset) {}

Result<ByteRange> DataWriter::append(std::span<const std::byte> bytes) {
  if (broken_) return fail(*broken_);
  if (bytes.size() > file_->size() - offset_) {
    return fail(Errc::bad_reply, "more bytes than the file has");
  }
  ByteRange present{file_->range_of(chunk_).begin, file_->range_of(chunk_).begin};
  while (!bytes.empty()) {
    const ByteRange chunk = file_->range_of(chunk_);
    const auto n =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), chunk.end - offset_));
    if (auto r = append_to_chunk(bytes.first(n), offset_ + n == chunk.end); !r) {
      broken_ = r.error();
      return fail(*broken_);
    }
    bytes = bytes.subspan(n);
    offset_ += n;
    if (offset_ < chunk.end) break;
    if (!skipping_ && !file_->mark_present(data_, chunk_, checksum_.value())) {
      broken_ = Error{Errc::io, "the data file was given up while it was being filled", 0};
      return fail(*broken_);
    }
    present.end = chunk.end;
    checksum_ = ChunkChecksum(file_->generation(), ++chunk_);
    skipping_ = false;
    written_ = chunk.end;
    rest_.clear();
  }
  return present;
}

Result<> DataWriter::append_to_chunk(std::span<const std::byte> bytes, bool to_its_end) {
  // Another writer may have been faster, at any time: then leave it alone.
  skipping_ = skipping_ || file_->is_written(data_, chunk_);
  if (skipping_) return {};
  checksum_.add(bytes);
  const std::uint64_t before = written_;
  while (!bytes.empty()) {
    if (auto r = append_to_piece(bytes, to_its_end); !r) return r;
  }
  return written_ == before ? Result<>() : file_->restore_mtime(data_);
}

// Takes from the front of `bytes` what the piece that has begun still lacks; a
// whole one is not copied.
Result<> DataWriter::append_to_piece(std::span<const std::byte>& bytes, bool to_its_end) {
  const auto part = bytes.first(std::min(kPiece - rest_.size(), bytes.size()));
  bytes = bytes.subspan(part.size());
  if (part.size() == kPiece) return write(part);
  rest_.insert(rest_.end(), part.begin(), part.end());
  const bool is_whole = rest_.size() == kPiece || (to_its_end && bytes.empty());
  if (!is_whole) return {};
  auto r = write(rest_);
  rest_.clear();
  return r;
}

Result<> DataWriter::write(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  if (auto r = pwrite_full(data_->get(), bytes, written_); !r) return r;
  written_ += bytes.size();
  return {};
}

}  // namespace lazymirror
