// SPDX-License-Identifier: Apache-2.0
//
// Giving the bytes of a data file back in place. Users may have the file open,
// and a mapping does not tell us when it is read. So the inode is changed only
// under a write lease (fcntl(2)), which the kernel grants while nobody else has
// it open or mapped; who opens it then waits until the lease is gone.
//
// Steps, each after the one before:
//  1. the guard of an incomplete file is set. An opener that came too early to
//     be guarded has the file open, so that step 2 fails: the kernel counts an
//     opener before it looks for guards, and looks for leases after that
//     (do_dentry_open(), fs/open.c);
//  2. the lease, on the only descriptor that we have of the inode;
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
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cerrno>

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

Result<> DataFile::evict() {
  const std::lock_guard lock(creation_);
  if (retired_) return fail(Errc::busy, path_.back() + " has just changed at the origin");
  if (tag() == 0) adopt_placeholder();
  if (tag() == 0 || size_ == 0) return {};
  if (state_.with([](const State& s) { return s.writers; }) > 0) {
    return fail(Errc::busy, path_.back() + " is being fetched");
  }
  const auto data = data_for_writing();
  if (!data && is_in_use(data.error())) return fail(Errc::busy, path_.back() + " is in use");
  if (!data) return fail(data.error());
  if (auto r = context_->placeholders->before_file((*data)->get()); !r) return r;
  const auto pause = context_->placeholders->before_lease();
  const auto lease = WriteLease::take((*data)->get());
  if (!lease) return fail(with_context(lease.error(), path_.back()));
  return give_back(*data);
}

// REQUIRES: creation_ and the lease are held, and nobody writes.
Result<> DataFile::give_back(const Fd& data) {
  std::optional<State> before;
  const std::uint64_t tag = random_number();
  const FileRecord record = state_.with([&](State& s) {
    before = s;
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
  auto covered = context_->placeholders->poison().cover(data->get(), {0, size_});
  auto timed = restore_mtime(data);
  return covered ? timed : covered;
}

}  // namespace lazymirror
