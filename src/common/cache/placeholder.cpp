// SPDX-License-Identifier: Apache-2.0
#include "cache/placeholder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_io.h"

namespace lazymirror {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string own_link(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// The umask has no say.
Result<> set_mode(int fd, mode_t now, mode_t wanted) {
  if ((now & 07777) == wanted || ::fchmod(fd, wanted) == 0) return {};
  return fail_errno(errno, "cannot set the mode of a file in the cache");
}

// Without a name needs no privilege only by this way (linkat(2), AT_EMPTY_PATH).
int link_file(int fd, int directory, const std::string& name) {
  return ::linkat(AT_FDCWD, own_link(fd).c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW);
}

}  // namespace

Result<> set_mtime(int fd, std::int64_t mtime_ns) {
  struct stat st {};
  if (::fstat(fd, &st) == 0 && mtime_of(st) == mtime_ns) return {};
  std::int64_t seconds = mtime_ns / kSecond;
  std::int64_t rest = mtime_ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  const timespec times[2] = {{0, UTIME_OMIT}, {seconds, rest}};
  if (::futimens(fd, times) == 0) return {};
  return fail_errno(errno, "cannot set the time of a file in the cache");
}

std::int64_t mtime_of(const struct stat& st) {
  return st.st_mtim.tv_sec * kSecond + st.st_mtim.tv_nsec;
}

void Placeholders::set_observer(ObserverPtr observer) {
  // The one before goes outside of the lock.
  const auto before =
      observer_.with([&](ObserverPtr& o) { return std::exchange(o, std::move(observer)); });
}

Result<> Placeholders::before_file(int fd) const {
  const auto guard = observer();
  return guard ? guard->before_file(fd) : Result<>();
}

Result<> Placeholders::before_directory(int fd) const {
  const auto guard = observer();
  return guard ? guard->before_directory(fd) : Result<>();
}

std::shared_ptr<void> Placeholders::before_lease(int fd) const {
  const auto guard = observer();
  return guard ? guard->before_lease(fd) : nullptr;
}

Result<Placeholders::NewFile> Placeholders::make_file(int directory, const Shape& shape) const {
  // Its owner must be able to write until it is stamped (xattr(7)).
  auto fd = open_fd(directory, ".", O_TMPFILE | O_RDWR, file_mode_ | S_IWUSR);
  if (!fd) return fail(fd.error());
  struct stat st {};
  if (::fstat(fd->get(), &st) != 0) return fail_errno(errno, "cannot look at a placeholder");
  const Stamp stamp{shape.id, shape.generation, random_number(), st.st_ino};
  if (auto r = poison_.fill_new(fd->get(), shape.size); !r) return fail(r.error());
  if (auto r = write_stamp(fd->get(), stamp); !r) return fail(r.error());
  if (auto r = set_mode(fd->get(), st.st_mode, file_mode_); !r) return fail(r.error());
  if (auto r = set_mtime(fd->get(), shape.mtime_ns); !r) return fail(r.error());
  if (shape.size > 0) {
    if (auto r = before_file(fd->get()); !r) return fail(r.error());
  }
  return NewFile{std::move(*fd), stamp};
}

// Of the same generation, and whole.
bool is_rival(const Placeholders::NewFile& file, int directory, const std::string& name) {
  const auto there = stamp_at(directory, name);
  if (!there || there->id != file.stamp.id || there->generation != file.stamp.generation) {
    return false;
  }
  struct stat theirs {};
  struct stat ours {};
  return ::fstatat(directory, name.c_str(), &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstat(file.fd.get(), &ours) == 0 && theirs.st_size == ours.st_size;
}

Result<Placeholders::Put> Placeholders::put(const NewFile& file, int directory,
                                            const std::string& name, Rival rival) {
  if (link_file(file.fd.get(), directory, name) == 0) return Put::made;
  if (errno != EEXIST) return fail_errno(errno, "cannot place " + name + " in the cache");
  const std::lock_guard lock(naming_[file.stamp.id % naming_.size()]);
  if (rival == Rival::keep && is_rival(file, directory, name)) return Put::kept;
  const std::string temporary = tree_.next_temporary_name();
  if (link_file(file.fd.get(), tree_.temporary_fd(), temporary) != 0) {
    return fail_errno(errno, "cannot place " + name + " in the cache");
  }
  if (auto r = rename_over(temporary, directory, name); !r) {
    (void)::unlinkat(tree_.temporary_fd(), temporary.c_str(), 0);
    return fail(r.error());
  }
  return Put::replaced;
}

Result<UniqueFd> Placeholders::put_directory(int parent, const std::string& name, EntryId id,
                                             std::int64_t mtime_ns) {
  const std::string temporary = tree_.next_temporary_name();
  if (::mkdirat(tree_.temporary_fd(), temporary.c_str(), 0755) != 0) {
    return fail_errno(errno, "cannot make the directory " + name + " in the cache");
  }
  auto fd = open_fd(tree_.temporary_fd(), temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd) return fd;
  struct stat st {};
  if (::fstat(fd->get(), &st) != 0) return fail_errno(errno, "cannot look at a directory");
  if (auto r = set_mode(fd->get(), st.st_mode, 0755); !r) return fail(r.error());
  if (auto r = write_stamp(fd->get(), {id, 0, 0, st.st_ino}); !r) return fail(r.error());
  if (auto r = set_mtime(fd->get(), mtime_ns); !r) return fail(r.error());
  if (auto r = before_directory(fd->get()); !r) return fail(r.error());
  if (auto r = rename_over(temporary, parent, name); !r) return fail(r.error());
  return fd;
}

Result<UniqueFd> Placeholders::open_directory(Catalog& catalog, EntryId directory) {
  const auto way = catalog.lineage(directory);
  if (!way) return fail(way.error());
  auto at = open_beneath(tree_.data_fd(), ".", O_RDONLY | O_DIRECTORY);
  for (const Entry& entry : *way) {
    if (!at) return at;
    const auto stamp = stamp_at(at->get(), entry.name);
    auto next = open_beneath(at->get(), entry.name.c_str(), O_RDONLY | O_DIRECTORY);
    if (!next || (stamp && stamp->id != entry.id)) {
      const auto mtime = catalog.shown_mtime_ns(entry);
      if (!mtime) return fail(mtime.error());
      next = put_directory(at->get(), entry.name, entry.id, *mtime);
      if (!next) return next;
      if (auto r = catalog.set_unplaced(entry.id); !r) return fail(r.error());
    }
    at = std::move(next);
  }
  return at;
}

// Only a directory, or a file where a directory goes, has to be out of the way
// before: everything else is replaced in one step.
Result<> Placeholders::rename_over(const std::string& temporary, int directory,
                                   const std::string& name) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (::renameat(tree_.temporary_fd(), temporary.c_str(), directory, name.c_str()) == 0) {
      return {};
    }
    const bool in_the_way =
        errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR;
    if (!in_the_way) return fail_errno(errno, "cannot place " + name + " in the cache");
    if (auto r = tree_.discard_entry(directory, name); !r) return r;
  }
  return fail(Errc::busy, "somebody else changes " + name + " in the cache");
}

}  // namespace lazymirror
