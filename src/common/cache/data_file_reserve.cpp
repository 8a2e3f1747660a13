// SPDX-License-Identifier: Apache-2.0
//
// Blocks for bytes that are not there yet, where a placeholder is a hole. Tools
// that look for holes (cp, tar -S) do so when st_blocks says that there are
// some: with all blocks reserved they read, and what is read is filled. The
// blocks are unwritten extents, which read as zeros and cost no write.
//
// Reserved while somebody has the file open. Giving back needs no lease for the
// bytes' sake, as nobody is shown absent bytes; it is how one learns that nobody
// has the file open. An opener that comes later asks for them again.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "cache/cache.h"
#include "cache/data_file.h"

namespace lazymirror {
namespace {

constexpr std::uint64_t kBlocksUnit = 512;  // of st_blocks

// How many bytes have no block, as tools see it.
Result<std::uint64_t> lacking(int fd, std::uint64_t size) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return fail_errno(errno, "cannot look at a data file");
  const std::uint64_t held = static_cast<std::uint64_t>(st.st_blocks) * kBlocksUnit;
  return held < size ? size - held : 0;
}

// Asked first, because an attempt that fails takes all there is for a while.
Result<> check_room(int fd, std::uint64_t bytes) {
  struct statvfs fs {};
  if (::fstatvfs(fd, &fs) != 0) return fail_errno(errno, "cannot look at the cache");
  if (std::uint64_t{fs.f_bavail} * fs.f_frsize >= bytes) return {};
  return fail(Error{Errc::no_space, "the cache has no room for all of it", ENOSPC});
}

Result<> take_blocks(int fd, std::uint64_t size) {
  if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) == 0) return {};
  return fail_errno(errno, "cannot reserve blocks for a data file");
}

}  // namespace

std::uint64_t Cache::reserved_bytes() {
  std::uint64_t bytes = 0;
  for (const EntryId id : reserved()) {
    const auto known = file(id);
    if (known) bytes += (*known)->size() - (*known)->present_bytes();
  }
  return bytes;
}

Result<> DataFile::reserve() {
  const std::lock_guard lock(creation_);
  if (retired_ || is_complete()) return {};
  if (tag() == 0) adopt_placeholder();
  const Fd known = state_.with([](const State& s) { return s.data; });
  const auto wanted = known ? lacking(known->get(), size_) : Result<std::uint64_t>(size_);
  if (!wanted) return fail(wanted.error());
  if (*wanted == 0) return {};
  const auto data = data_for_writing();
  if (!data) return fail(data.error());
  if (auto r = check_room((*data)->get(), *wanted); !r) return r;
  if (auto r = context_->reservations->add(id_); !r) return r;
  auto taken = take_blocks((*data)->get(), size_);
  auto timed = restore_mtime(*data);
  return taken ? timed : taken;
}

Result<> DataFile::release() {
  const std::lock_guard lock(creation_);
  if (retired_) return {};
  if (tag() == 0) adopt_placeholder();
  const auto [writers, absent, known] = state_.with([](const State& s) {
    return std::tuple(s.writers, !s.map.is_complete(), s.data != nullptr);
  });
  if (writers > 0) return fail(Errc::busy, path_.back() + " is being fetched");
  if (known && absent) {
    if (auto r = release_absent(); !r) return r;
  }
  context_->reservations->remove(id_);
  return {};
}

// REQUIRES: creation_ is held, and nobody writes.
Result<> DataFile::release_absent() {
  return change_unused([this](const Fd& data) -> Result<> {
    ByteRange rest{0, size_};
    while (!rest.empty()) {
      const auto missing = state_.with([&](const State& s) { return s.map.first_missing(rest); });
      if (!missing) break;
      if (auto r = context_->placeholders->poison().cover(data->get(), *missing); !r) return r;
      rest.begin = std::min(rest.end, missing->end);
    }
    return restore_mtime(data);
  });
}

}  // namespace lazymirror
