// SPDX-License-Identifier: Apache-2.0
//
// A cache whose file system is full: no byte can be stored.
#pragma once

#include <memory>

#include "cache_around.h"

namespace lazymirror::testing {

class FullWriter final : public ChunkWriter {
 public:
  Result<ByteRange> append(std::span<const std::byte>) override {
    return fail(Errc::no_space, "no space left on device");
  }
};

class FullFile final : public CachedFile {
 public:
  explicit FullFile(std::shared_ptr<CachedFile> real) : real_(std::move(real)) {}
  EntryId id() const override { return real_->id(); }
  std::uint64_t generation() const override { return real_->generation(); }
  std::uint64_t size() const override { return real_->size(); }
  std::uint32_t chunk_size() const override { return real_->chunk_size(); }
  Version version() const override { return real_->version(); }
  Result<> bind(const Version& seen) override { return real_->bind(seen); }
  bool is_nameless() const override { return real_->is_nameless(); }
  bool is_present(ByteRange range) override { return real_->is_present(range); }
  std::optional<ByteRange> first_missing(ByteRange r) override { return real_->first_missing(r); }
  bool is_complete() override { return real_->is_complete(); }
  std::uint64_t present_bytes() const override { return real_->present_bytes(); }
  Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset, bool drop) override {
    return real_->read(out, offset, drop);
  }
  Result<UniqueFd> backing_fd() override { return real_->backing_fd(); }
  Result<std::unique_ptr<ChunkWriter>> write_from(std::uint64_t) override {
    return std::make_unique<FullWriter>();
  }
  Result<> discard() override { return real_->discard(); }
  Check check(ByteRange range, const ByteSink& sink) override { return real_->check(range, sink); }
  Result<> forget(std::span<const ByteRange> ranges) override { return real_->forget(ranges); }

 private:
  std::shared_ptr<CachedFile> real_;
};

class FullCache final : public CacheAround {
 public:
  using CacheAround::CacheAround;
  Result<std::shared_ptr<CachedFile>> file(EntryId id) override {
    auto file = CacheAround::file(id);
    if (!file) return file;
    return std::make_shared<FullFile>(std::move(*file));
  }
};

}  // namespace lazymirror::testing
