// SPDX-License-Identifier: Apache-2.0
//
// Giving the bytes of a data file back. Where users see other inodes than ours
// (mount), the data file is given up: who still reads it, the kernel included,
// reads on, and the next reader fills a new one.
//
// In place users may have the file open,
// and a mapping does not tell us when it is read. So the inode is changed only
// under a write lease (fcntl(2)), which the kernel grants while nobody else has
// it open or mapped; who opens it then waits until the lease is gone.
//
// Steps, each after the one before:
//  1. the guard of an incomplete file is set. An opener that came too early to
//     be guarded has the file open, so that step 2 fails: the kernel counts an
//     opener before it looks for guards, and looks for leases after that
//     (do_dentry_open(), fs/open.c);
//  2. the lease, on the only descriptor that we have of the inode: first on one
//     for reading, since to open it for writing may change its mode, and that
//     the time of its last change, for whom has it open;
//  3. the bits are cleared, in memory and durably, for a tag that no file has;
//  4. the file gets that tag: an older catalog that is restored one day does
//     not believe in its bytes either;
//  5. poison, or a hole, takes the place of the bytes; the time is put back;
//  6. the lease goes. Whoever waited opens a placeholder of the current
//     generation and is served as for any other.
// The inode is kept because of them: they have found it by its name before
// they wait, so they get it in any case.
//
// After a crash behind any step the file shows bytes of the origin or poison,
// and the catalog believes in bytes only before step 3. Should the kernel take
// the lease away (a holder has 45 seconds), an opener finds the bits cleared
// and waits to be filled, which waits for `creation_`.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/log.h"
#include "cache/data_file.h"
#include "cache/write_lease.h"

namespace lazymirror {
namespace {

// A file that only its owner may not write can be stamped only while its mode
// says otherwise (xattr(7)).
Result<> stamp_anew(int fd, Stamp stamp) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return fail_errno(errno, "cannot look at a data file");
  stamp.inode = st.st_ino;
  auto stamped = write_stamp(fd, stamp);
  if (stamped || stamped.error().os_errno != EACCES) return stamped;
  if (::fchmod(fd, (st.st_mode & 07777) | S_IWUSR) != 0) return stamped;
  stamped = write_stamp(fd, stamp);
  if (::fchmod(fd, st.st_mode & 07777) == 0) return stamped;
  return fail_errno(errno, "cannot set the mode of a data file");
}

bool is_in_use(const Error& error) { return error.os_errno == ETXTBSY || error.os_errno == EAGAIN; }

}  // namespace

// REQUIRES: creation_ is held.
Result<> DataFile::check_evictable() {
  if (retired_) return fail(Errc::busy, path_.back() + " has just changed at the origin");
  if (context_->placeholders && tag() == 0) adopt_placeholder();
  if (state_.with([](const State& s) { return s.writers; }) == 0) return {};
  return fail(Errc::busy, path_.back() + " is being fetched");
}

// REQUIRES: creation_ is held, and there is a data file.
Result<> DataFile::guard_again() {
  if (!context_->placeholders) return {};
  const Fd data = state_.with([](const State& s) { return s.data; });
  return context_->placeholders->before_file(data->get());
}

std::shared_ptr<void> DataFile::before_lease() {
  if (!context_->placeholders) return nullptr;
  const Fd data = state_.with([](const State& s) { return s.data; });
  return context_->placeholders->before_lease(data->get());
}

// REQUIRES: creation_ is held. That somebody has it open shows without a change
// of it. Who comes after this look is found by the lease that follows.
Result<> DataFile::check_unused() {
  const Fd data = state_.with([](const State& s) { return s.writable ? Fd() : s.data; });
  if (!data) return {};
  const auto lease = WriteLease::take(data->get());
  return lease ? Result<>() : fail(with_context(lease.error(), path_.back()));
}

// REQUIRES: creation_ is held. The only descriptor that we have of the inode,
// unless somebody reads just now.
Result<DataFile::Fd> DataFile::data_for_eviction() {
  auto data = data_for_writing();
  if (data || !is_in_use(data.error())) return data;
  return fail(Errc::busy, path_.back() + " is in use");
}

// REQUIRES: creation_ is held, and nobody writes. `change` is called with the
// lease held; what was open for reading only is so again after a failure.
Result<> DataFile::change_unused(const std::function<Result<>(const Fd&)>& change) {
  const auto pause = before_lease();
  const bool was_writable = state_.with([](const State& s) { return s.writable; });
  if (auto r = check_unused(); !r) return r;
  const auto data = data_for_eviction();
  if (!data) return fail(data.error());
  auto changed = [&]() -> Result<> {
    const auto lease = WriteLease::take((*data)->get());
    return lease ? change(*data) : fail(with_context(lease.error(), path_.back()));
  }();
  if (!changed && !was_writable) reopen_for_reading(*data);
  return changed;
}

Result<> DataFile::evict() {
  const std::lock_guard lock(creation_);
  if (auto r = check_evictable(); !r) return r;
  if (tag() == 0) {  // there is no data file: nor shall the catalog say so
    const auto record = state_.with([&](State& s) { return ++s.clears, record_of(s); });
    return context_->catalog->forget(record);
  }
  if (size_ == 0) return {};
  return context_->placeholders ? evict_in_place() : give_up(&Catalog::forget);
}

// REQUIRES: creation_ is held, and nobody writes.
Result<> DataFile::evict_in_place() {
  if (auto r = guard_again(); !r) return r;
  return change_unused([this](const Fd& data) { return give_back(data); });
}

// REQUIRES: creation_ and the lease are held, and nobody writes.
Result<> DataFile::give_back(const Fd& data) {
  std::optional<State> before;
  const std::uint64_t tag = random_number();
  const FileRecord record = state_.with([&](State& s) {
    before = s;
    context_->unrecorded -= s.take_unrecorded();
    s.map = s.suspects = ChunkMap(size_, chunk_size_);
    s.crcs.assign(s.map.chunk_count(), 0);
    s.tag = tag;
    s.epoch = context_->catalog->epoch();
    ++s.clears;
    return record_of(s);
  });
  if (auto r = context_->catalog->clear(record); !r) {
    state_.with([&](State& s) {
      before->clears = s.clears;
      before->unrecorded += std::exchange(before->recording, 0);
      context_->unrecorded += before->unrecorded;
      s = std::move(*before);
    });
    announce_changes();
    return r;
  }
  if (auto r = stamp_anew(data->get(), {id_, generation_, tag}); !r) {
    state_.with([&](State& s) { s.tag = before->tag; });
    return r;
  }
  plugged_ = true;
  return empty_out(data, {0, size_});
}

// REQUIRES: as above, and the range begins with a chunk.
Result<> DataFile::empty_out(const Fd& data, ByteRange range) {
  if (context_->placeholders) {
    auto covered = context_->placeholders->poison().cover(data->get(), range);
    auto timed = restore_mtime(data);
    return covered ? timed : covered;
  }
  const int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (::fallocate(data->get(), how, static_cast<off_t>(range.begin),
                  static_cast<off_t>(range.size())) == 0) {
    return {};
  }
  return fail_errno(errno, "cannot give a part of a data file back");
}

// --- a part of a file ---

// The last present chunks that are so many bytes together.
ByteRange DataFile::tail_of(const State& state, std::uint64_t bytes) const {
  std::uint64_t found = 0;
  std::uint32_t chunk = state.map.chunk_count();
  while (chunk > 0 && found < bytes) {
    if (state.map.has(--chunk)) found += range_of(chunk).size();
  }
  return {range_of(chunk).begin, size_};
}

// As for a whole file, with a lease also where users see other inodes: the kernel
// may be reading from this one (passthrough). What has not been recorded, or is
// under suspicion, would have to be looked at first.
Result<std::uint64_t> DataFile::evict_tail(std::uint64_t bytes) {
  const std::lock_guard lock(creation_);
  if (auto r = check_evictable(); !r) return fail(r.error());
  const bool settled = state_.with([&](const State& s) {
    return s.data && !s.dirty && s.unrecorded + s.recording == 0 && s.suspects.present_count() == 0;
  });
  if (!settled) return std::uint64_t{0};
  if (auto r = guard_again(); !r) return fail(r.error());
  const std::uint64_t before = present_bytes();
  const ByteRange tail = state_.with([&](const State& s) { return tail_of(s, bytes); });
  const auto changed = change_unused([&](const Fd& data) { return give_back_tail(data, tail); });
  if (!changed) return fail(changed.error());
  return before - present_bytes();
}

// REQUIRES: creation_ and the lease are held, nobody writes, and all is recorded.
// Who reads through the old descriptor finds another one in its place.
Result<> DataFile::give_back_tail(const Fd& data, ByteRange tail) {
  UniqueFd copy(::fcntl(data->get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return fail_errno(errno, "cannot duplicate a descriptor");
  const auto fresh = std::make_shared<const UniqueFd>(std::move(copy));
  std::optional<State> before;
  const std::uint64_t tag = random_number();
  const FileRecord record = state_.with([&](State& s) {
    before = s;
    for (std::uint32_t chunk = s.map.chunk_at(tail.begin); chunk < s.map.chunk_count(); ++chunk) {
      s.map.clear(chunk);
    }
    s.data = fresh;
    s.tag = tag;
    ++s.clears;
    return record_of(s);
  });
  if (auto r = context_->catalog->clear(record); !r) {
    state_.with([&](State& s) {
      before->clears = s.clears;
      s = std::move(*before);
    });
    return r;
  }
  if (auto r = stamp_anew(fresh->get(), {id_, generation_, tag}); !r) {
    state_.with([&](State& s) { s.tag = before->tag; });
    return r;
  }
  return empty_out(fresh, tail);
}

}  // namespace lazymirror
