// SPDX-License-Identifier: Apache-2.0
//
// What DataFile does in place: taking over what stands at the path, keeping its
// time, and leaving no holes in it.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/file_io.h"
#include "base/log.h"
#include "cache/data_file.h"

namespace lazymirror {
namespace {

// The first hole at or after `from`, which may begin at the size.
ByteRange hole_after(int fd, std::uint64_t from, std::uint64_t size) {
  const off_t hole = from < size ? ::lseek(fd, static_cast<off_t>(from), SEEK_HOLE) : -1;
  if (hole < 0 || static_cast<std::uint64_t>(hole) >= size) return {size, size};
  const off_t data = ::lseek(fd, hole, SEEK_DATA);
  return {static_cast<std::uint64_t>(hole), data < 0 ? size : static_cast<std::uint64_t>(data)};
}

Result<UniqueFd> open_again(int file, int flags) {
  return open_fd(AT_FDCWD, "/proc/self/fd/" + std::to_string(file), flags | O_NONBLOCK);
}

// A file that only its owner may not write needs its mode changed for a moment;
// others may be doing the same.
Result<UniqueFd> open_as_owner(int file) {
  auto fd = open_again(file, O_RDWR);
  for (int attempt = 0; !fd && fd.error().os_errno == EACCES && attempt < 3; ++attempt) {
    struct stat st {};
    if (::fstat(file, &st) != 0) break;
    if (::fchmod(file, st.st_mode | S_IWUSR) != 0) break;
    fd = open_again(file, O_RDWR);
    (void)::fchmod(file, st.st_mode & 07777);
  }
  return fd;
}

}  // namespace

// A placeholder, or a file whose map is lost: it is filled from the start.
void DataFile::adopt_empty(Standing standing) {
  auto data = std::make_shared<const UniqueFd>(std::move(standing.fd));
  state_.with([&](State& s) {
    s.data = std::move(data);
    s.tag = standing.tag;
    s.writable = s.quiet = false;
    s.epoch = context_->catalog->epoch();
    s.crcs.assign(s.map.chunk_count(), 0);
  });
}

// REQUIRES: creation_ is held. Somebody may have made one since we looked.
void DataFile::adopt_placeholder() {
  if (retired_ || abandoned_) return;
  if (auto standing = open_standing()) adopt_empty(std::move(*standing));
}

std::uint64_t DataFile::tag() const {
  return state_.with([](const State& s) { return s.data ? s.tag : 0; });
}

bool DataFile::is_current(const Stamp& stamp) {
  if (stamp.id != id_ || stamp.generation != generation_ || retired_) return false;
  if (tag() == 0) {
    const std::lock_guard lock(creation_);
    if (tag() == 0) adopt_placeholder();
  }
  return tag() == stamp.tag;
}

// REQUIRES: creation_ is held.
Result<DataFile::Fd> DataFile::reopen_for_writing(const Fd& data) {
  const bool can_be_quiet = context_->placeholders && context_->open_quietly;
  auto fd = can_be_quiet ? context_->open_quietly(data->get()) : fail(Errc::unsupported, "");
  const bool quiet = fd.has_value();
  if (!quiet) fd = open_as_owner(data->get());
  if (!fd) return fail(fd.error());
  auto writable = std::make_shared<const UniqueFd>(std::move(*fd));
  state_.with([&](State& s) {
    s.data = writable;
    s.writable = true;
    s.quiet = quiet;
  });
  return writable;
}

// REQUIRES: creation_ is held. `rival`: what is done with a file of this very
// generation that stands there already; one that is kept is taken over.
Result<DataFile::Fd> DataFile::put_placeholder(Placeholders::Rival rival) {
  const bool hidden = retired_;
  Placeholders& placeholders = *context_->placeholders;
  auto directory =
      hidden ? open_beneath(context_->tree.temporary_fd(), ".", O_PATH) : open_parent(placeholders);
  if (!directory) return fail(directory.error());
  const auto mtime_ns = state_.with([](const State& s) { return s.mtime_ns; });
  auto file = placeholders.make_file(directory->get(), {id_, generation_, size_, mtime_ns});
  if (!file) return fail(file.error());
  if (!hidden) {
    if (abandoned_) rival = Placeholders::Rival::replace;
    const auto put = placeholders.put(*file, directory->get(), path_.back(), rival);
    if (!put) return fail(put.error());
    abandoned_ = false;
    if (*put == Placeholders::Put::kept) return take_over_rival();
  }
  adopt_empty({std::move(file->fd), file->stamp.tag});
  plugged_ = true;
  const Fd data = state_.with([](State& s) {
    s.writable = true;
    return s.data;
  });
  return context_->open_quietly ? reopen_for_writing(data) : data;
}

Result<UniqueFd> DataFile::open_parent(Placeholders& placeholders) const {
  const auto entry = context_->catalog->get(id_);
  if (!entry) return fail(entry.error());
  return placeholders.open_directory(*context_->catalog, entry->parent);
}

Result<DataFile::Fd> DataFile::take_over_rival() {
  adopt_placeholder();
  const Fd data = state_.with([](const State& s) { return s.data; });
  if (data) return reopen_for_writing(data);
  return fail(Errc::busy, "somebody else changes " + path_.back() + " in the cache");
}

// REQUIRES: creation_ is held. In place the name never goes.
Result<> DataFile::replace_data() {
  if (!context_->placeholders) return context_->tree.remove_file(path_, id_, generation_ + 1);
  abandoned_ = true;  // until another one stands there
  const auto data = put_placeholder(Placeholders::Rival::replace);
  return data ? Result<>() : fail(data.error());
}

// --- the time of last modification ---

void DataFile::show_mtime(std::int64_t mtime_ns) {
  if (!context_->placeholders) return;
  const Fd data = state_.with(
      [&](State& s) { return std::exchange(s.mtime_ns, mtime_ns) == mtime_ns ? Fd() : s.data; });
  if (!data) return;
  if (auto r = set_mtime(data->get(), mtime_ns); !r) log::warn("cache: {}", r.error().message);
}

Result<> DataFile::restore_mtime(const Fd& data) {
  if (!context_->placeholders) return {};
  const auto moved = state_.with([&](const State& s) -> std::optional<std::int64_t> {
    return s.quiet && s.data == data ? std::nullopt : std::optional(s.mtime_ns);
  });
  return moved ? set_mtime(data->get(), *moved) : Result<>();
}

// --- holes ---

Result<> DataFile::plug_holes() {
  const std::lock_guard lock(creation_);
  if (plugged_ || retired_) return {};
  if (tag() == 0) adopt_placeholder();
  const Fd data = state_.with([](const State& s) { return s.data; });
  if (!data || hole_after(data->get(), 0, size_).empty()) return {};
  const auto writable = data_for_writing();
  return writable ? plug(*writable) : fail(writable.error());
}

// REQUIRES: creation_ is held, and nobody has begun to write unless it was done
// before.
Result<> DataFile::plug(const Fd& data) {
  if (plugged_ || !context_->placeholders) return {};
  if (!context_->placeholders->poison().is_visible()) return {};
  bool plugged = false;
  for (std::uint64_t at = 0; at < size_;) {
    const ByteRange hole = hole_after(data->get(), at, size_);
    at = hole.end;
    if (hole.empty()) continue;
    if (auto r = plug_hole(data, hole); !r) return r;
    plugged = true;
  }
  plugged_ = true;
  return plugged ? restore_mtime(data) : Result<>();
}

// A chunk that is present only as far as anybody knows is looked at first: if
// it has a hole, the power loss took its bytes.
Result<> DataFile::plug_hole(const Fd& data, ByteRange hole) {
  check_suspects(hole);
  while (!hole.empty()) {
    const auto missing = state_.with([&](const State& s) { return s.map.first_missing(hole); });
    if (!missing) return {};
    if (auto r = context_->placeholders->poison().cover(data->get(), *missing); !r) return r;
    hole.begin = std::min(hole.end, missing->end);
  }
  return {};
}

// --- the end of writing ---

// A file that is complete is not kept open for writing: it could not be
// executed then (execve(2), ETXTBSY).
void DataFile::end_writing() {
  --context_->writers;
  const Fd settled = state_.with([](State& s) {
    const bool done = --s.writers == 0 && s.writable && s.map.is_complete();
    return done ? s.data : Fd();
  });
  if (settled && context_->placeholders) reopen_for_reading(settled);
}

void DataFile::reopen_for_reading(const Fd& data) {
  auto fd = open_again(data->get(), O_RDONLY);
  if (!fd) return;
  auto reading = std::make_shared<const UniqueFd>(std::move(*fd));
  state_.with([&](State& s) {
    if (s.data != data || s.writers != 0) return;
    s.data = std::move(reading);
    s.writable = false;
  });
}

// A file may be complete before it is synced, and executed then: so what it is
// synced through (fdatasync(2)) must not be open for writing either.
DataFile::Fd DataFile::for_sync(Fd data) {
  const bool writable = state_.with([&](const State& s) { return s.data != data || s.writable; });
  auto fd = writable ? open_again(data->get(), O_RDONLY) : fail(Errc::invalid, "");
  return fd ? std::make_shared<const UniqueFd>(std::move(*fd)) : data;
}

}  // namespace lazymirror
