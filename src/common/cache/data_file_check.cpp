// SPDX-License-Identifier: Apache-2.0
//
// Bytes against their checksums: those that a power loss has put under
// suspicion when they are first used, all of them when somebody asks for it.
#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/crew.h"
#include "base/file_io.h"
#include "base/log.h"
#include "cache/checksum.h"
#include "cache/data_file.h"

namespace lazymirror {
namespace {

constexpr int kDontCache = 0x80;  // RWF_DONTCACHE, Linux 6.14
constexpr std::size_t kPiece = 128u << 10;

}  // namespace

// As pread_full(), leaving nothing behind in the page cache where that works.
Result<std::size_t> DataFile::read_dropping(int fd, std::span<std::byte> out,
                                            std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < out.size() && context_->can_drop_behind) {
    const iovec piece{out.data() + done, out.size() - done};
    const ssize_t n = ::preadv2(fd, &piece, 1, static_cast<off_t>(offset + done), kDontCache);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EOPNOTSUPP || errno == EINVAL)) context_->can_drop_behind = false;
    if (n <= 0) break;  // an error shows again below
    done += static_cast<std::size_t>(n);
  }
  auto rest = pread_full(fd, out.subspan(done), offset + done);
  if (!rest) return rest;
  return done + *rest;
}

bool DataFile::is_intact(const Sample& sample, const ByteSink& sink) const {
  const ByteRange range = range_of(sample.chunk);
  ChunkChecksum sum(generation_, sample.chunk);
  std::vector<std::byte> piece(kPiece);
  bool readable = true;
  for (std::uint64_t at = range.begin; readable && at < range.end; at += piece.size()) {
    const auto want = std::span(piece).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), range.end - at)));
    const auto n = read_dropping(sample.data->get(), want, at);
    readable = n && *n == want.size();
    sum.add(want);
    if (sink) sink(want);
  }
  return readable && sum.value() == sample.crc;
}

// --- after a power loss ---

void DataFile::check_suspects(ByteRange range) {
  for (;;) {
    Sample sample;
    state_.with([&](const State& s) {
      const auto run = s.suspects.first_present(range);
      if (!run) return;
      sample.chunk = s.suspects.chunk_at(run->begin);
      sample.crc = s.crcs[sample.chunk];
      sample.data = s.data;
    });
    if (!sample.data) return;
    check_suspect(sample);
  }
}

void DataFile::check_suspect(const Sample& sample) {
  note_progress();
  const std::uint32_t chunk = sample.chunk;
  const bool good = is_intact(sample, nullptr);
  bool settled = false;
  const auto cleared = state_.with([&](State& s) -> std::optional<FileRecord> {
    // A writer may have stored the chunk anew, and with it a new checksum.
    if (s.data != sample.data || !s.suspects.has(chunk) || s.crcs[chunk] != sample.crc) {
      return std::nullopt;
    }
    s.suspects.clear(chunk);
    settled = s.suspects.present_count() == 0;
    if (settled) s.epoch = context_->catalog->epoch();
    if (good) return std::nullopt;
    s.map.clear(chunk);
    ++s.clears;
    context_->unrecorded -= s.take_unrecorded();  // the record has them
    return record_of_unsynced(s);
  });
  if (cleared) forget_chunk(*cleared);
  if (settled || cleared) announce_changes();
}

// May be stored before the bytes of what is present were synced: until a commit
// follows, they are believed only after they were checked.
FileRecord DataFile::record_of_unsynced(const State& s) const {
  FileRecord record = record_of(s);
  record.boot_epoch = std::min(record.boot_epoch, context_->catalog->epoch() - 1);
  return record;
}

void DataFile::forget_chunk(const FileRecord& rest) {
  log::warn("cache: {}: a chunk is not what it was when stored; it is fetched again", path_.back());
  if (retired_) return;
  if (auto r = context_->catalog->clear(rest); !r) {
    log::error("cache: {}: {}", path_.back(), r.error().message);
  }
}

// --- when somebody asks for it ---

std::optional<DataFile::Sample> DataFile::sample_of(std::uint32_t chunk) const {
  return state_.with([&](const State& s) -> std::optional<Sample> {
    if (!s.data || !s.map.has(chunk)) return std::nullopt;
    return Sample{chunk, s.crcs[chunk], s.data};
  });
}

// What was found to be good is no suspect any more.
void DataFile::settle(const Sample& sample) {
  const bool settled = state_.with([&](State& s) {
    if (s.data != sample.data || !s.suspects.has(sample.chunk)) return false;
    s.suspects.clear(sample.chunk);
    if (s.suspects.present_count() > 0) return false;
    s.epoch = context_->catalog->epoch();
    return true;
  });
  if (settled) announce_changes();
}

// What is in memory proves nothing of the disk. What is mapped stays there.
void DataFile::drop_pages(ByteRange range) const {
  const Fd data = state_.with([](const State& s) { return s.data; });
  if (!data || range.empty()) return;
  (void)::posix_fadvise(data->get(), static_cast<off_t>(range.begin),
                        static_cast<off_t>(range.size()), POSIX_FADV_DONTNEED);
}

CachedFile::Check DataFile::check(ByteRange range, const ByteSink& sink) {
  Check found;
  range = range.intersect({0, size_});
  drop_pages(range);
  for (std::uint64_t at = range.begin; at < range.end;) {
    const auto chunk = static_cast<std::uint32_t>(at / chunk_size_);
    const ByteRange bytes = range_of(chunk);
    at = bytes.end;
    const auto sample = sample_of(chunk);
    if (!sample) continue;
    const bool good = is_intact(*sample, sink);
    const auto now = sample_of(chunk);
    if (!now || now->data != sample->data || now->crc != sample->crc) continue;  // stored anew
    found.bytes += bytes.size();
    good ? settle(*sample) : found.damaged.push_back(bytes);
  }
  drop_pages(range);
  return found;
}

// In place the guard comes first: from now on it is asked before a read. The
// bytes stay where they are until others come.
Result<> DataFile::forget(std::span<const ByteRange> ranges) {
  const std::lock_guard lock(creation_);
  const Fd data = state_.with([](const State& s) { return s.data; });
  if (!data) return {};
  if (context_->placeholders) {
    if (auto r = context_->placeholders->before_file(data->get()); !r) return r;
  }
  const FileRecord rest = state_.with([&](State& s) {
    for (const ByteRange range : ranges) {
      for (std::uint64_t at = range.begin; at < range.end; at += chunk_size_) {
        s.map.clear(s.map.chunk_at(at));
        s.suspects.clear(s.map.chunk_at(at));
      }
    }
    if (s.suspects.present_count() == 0) s.epoch = context_->catalog->epoch();
    ++s.clears;
    context_->unrecorded -= s.take_unrecorded();  // the record has them
    return record_of_unsynced(s);
  });
  auto cleared = retired_ ? Result<>() : context_->catalog->clear(rest);
  announce_changes();
  return cleared;
}

}  // namespace lazymirror
