// SPDX-License-Identifier: Apache-2.0
#include "cache/data_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/file_io.h"
#include "base/log.h"
#include "cache/record.h"

namespace lazymirror {

DataFile::DataFile(std::shared_ptr<FileContext> context, const FileRecord& record, TreePath path)
    : context_(std::move(context)),
      path_(std::move(path)),
      id_(record.id),
      generation_(record.generation),
      size_(record.version.size),
      chunk_size_(record.chunk_size),
      state_(std::in_place, ChunkMap(size_, chunk_size_)) {}

Result<std::shared_ptr<DataFile>> DataFile::open(std::shared_ptr<FileContext> context,
                                                 FileRecord record, TreePath path) {
  if (record.version.size > kMaxFileSize) {
    return fail(Errc::unsupported, path.back() + " is larger than the cache can hold");
  }
  const bool has_map = !record.map.empty();
  if (has_map && !parse_map(record)) {
    log::warn("cache: the chunk map of {} is damaged: it is fetched again", path.back());
    record.chunk_size = 0;
  }
  const bool usable = has_map && record.chunk_size != 0;
  if (!usable) record.chunk_size = chunk_size_for(record.version.size);
  auto file = std::make_shared<DataFile>(std::move(context), record, std::move(path));
  file->state_.with([&](State& s) {
    s.version = record.version;
    s.clears = record.clears;
    s.epoch = file->context_->catalog->epoch();
    s.mtime_ns = record.mtime_ns;
    s.used_ns = record.used_ns;
  });
  file->adopt(record, usable);
  return file;
}

// What stands at the path, if it is a data file of this very generation.
std::optional<DataFile::Standing> DataFile::open_standing() const {
  auto fd = context_->tree.open_file(path_, O_RDONLY);
  if (!fd) return std::nullopt;
  struct stat st {};
  const auto stamp = read_stamp(fd->get());
  if (!stamp || stamp->id != id_ || stamp->generation != generation_) return std::nullopt;
  if (::fstat(fd->get(), &st) != 0 || static_cast<std::uint64_t>(st.st_size) != size_) {
    return std::nullopt;
  }
  return Standing{std::move(*fd), stamp->tag};
}

// Believes the map if the data file at the path is the one it was made for.
// Read-only at first: its owner may write only after a change of its mode,
// which users would see.
void DataFile::adopt(FileRecord& record, bool has_map) {
  if (!has_map && !context_->placeholders) return;
  auto standing = open_standing();
  if (!standing) return;
  if (!has_map || standing->tag != record.tag) {
    if (context_->placeholders) adopt_empty(std::move(*standing));
    return;
  }
  auto data = std::make_shared<const UniqueFd>(std::move(standing->fd));
  auto map = parse_map(record);
  const bool suspect = record.boot_epoch < context_->catalog->epoch();
  state_.with([&](State& s) {
    s.map = *map;
    if (suspect) s.suspects = std::move(*map);
    if (suspect) s.epoch = record.boot_epoch;
    s.crcs = std::move(record.crcs);
    s.data = std::move(data);
    s.tag = record.tag;
  });
}

DataFile::~DataFile() {
  context_->unrecorded -= state_.with([](State& s) { return s.take_unrecorded(); });
}

Version DataFile::version() const {
  return state_.with([](const State& s) { return s.version; });
}

bool DataFile::is_nameless() const {
  return state_.with([](const State& s) { return s.is_nameless(); });
}

bool DataFile::is_written_to() const {
  return state_.with([](const State& s) { return s.writers > 0; });
}

Result<> DataFile::bind(const Version& seen) {
  Version known = version();
  if (!known.has_validator() && seen.has_validator() && seen.size == size_ && !is_nameless()) {
    // The catalog decides first, so that no data is ever committed under a
    // version that it does not know.
    auto fixed = context_->catalog->bind(id_, generation_, seen);
    if (!fixed && fixed.error().code != Errc::no_space) return fail(fixed.error());
    learn(fixed.value_or(seen), fixed.has_value());
    if (context_->placeholders) {
      if (const auto entry = context_->catalog->get(id_); entry && entry->generation == generation_)
        show_mtime(entry->mtime_ns.value_or(entry->ctime_ns));
    }
    known = version();
  }
  if (same_version(known, seen) || (!known.has_validator() && seen.size == size_)) return {};
  return fail(Errc::changed,
              "the origin has another version of " + path_.back() + " than the one being fetched");
}

void DataFile::learn(const Version& version, bool recorded) {
  if (version.size != size_) return;
  state_.with([&](State& s) {
    if (s.version.has_validator() || s.is_nameless()) return;
    s.version = version;
    s.version_recorded = recorded;
  });
}

// The catalog knows the version by now, or Errc::no_space: it may later.
Result<> DataFile::record_version() {
  const auto version = state_.with(
      [](const State& s) { return s.version_recorded ? std::nullopt : std::optional(s.version); });
  if (!version) return {};
  const auto fixed = context_->catalog->bind(id_, generation_, *version);
  if (!fixed) return fail(fixed.error());
  if (!same_version(*fixed, *version)) return fail(Errc::changed, path_.back() + " has changed");
  state_.with([](State& s) { s.version_recorded = true; });
  return {};
}

bool DataFile::is_present(ByteRange range) {
  check_suspects(range);
  return state_.with([&](const State& s) { return s.map.is_present(range); });
}

std::optional<ByteRange> DataFile::first_missing(ByteRange range) {
  check_suspects(range);
  return state_.with([&](const State& s) { return s.map.first_missing(range); });
}

// Does not check anything: suspects do not count. They are checked as they are
// read, and checking a whole large file here would hold up an open().
bool DataFile::is_complete() {
  return state_.with(
      [](const State& s) { return s.map.is_complete() && s.suspects.present_count() == 0; });
}

std::uint64_t DataFile::present_bytes() const {
  return state_.with([](const State& s) { return s.map.present_bytes(); });
}

void DataFile::note_use(std::int64_t wall_ns) {
  state_.with([&](State& s) { s.used_ns = std::max(s.used_ns, wall_ns); });
  context_->uses.note(id_, wall_ns);
}

ByteRange DataFile::range_of(std::uint32_t chunk) const {
  return clipped(std::uint64_t{chunk} * chunk_size_, chunk_size_, size_);
}

// The data file, if it holds the range: presence and inode in one look.
DataFile::Fd DataFile::present_data(ByteRange range) {
  return state_.with([&](const State& s) {
    return s.map.is_present(range) && !s.suspects.first_present(range) ? s.data : Fd();
  });
}

Result<std::size_t> DataFile::read(std::span<std::byte> out, std::uint64_t offset,
                                   bool drop_behind) {
  const ByteRange range = clipped(offset, out.size(), size_);
  if (range.empty()) return std::size_t{0};
  check_suspects(range);
  const Fd data = present_data(range);
  if (!data) return fail(Errc::busy, "not fetched yet");
  const auto wanted = out.first(static_cast<std::size_t>(range.size()));
  auto n = drop_behind ? read_dropping(data->get(), wanted, offset)
                       : pread_full(data->get(), wanted, offset);
  if (!n) return n;
  if (*n < wanted.size()) {
    data_lost(Error{Errc::corrupt, "the data file is shorter than its file", 0});
    return fail(Errc::busy, "not fetched any more");
  }
  if (present_data(range) != data) return fail(Errc::busy, "not fetched any more");
  return n;
}

Result<UniqueFd> DataFile::backing_fd() {
  if (!is_complete()) return fail(Errc::busy, "not complete yet");
  Fd data;
  if (size_ == 0) {
    const std::lock_guard lock(creation_);
    auto made = data_for_writing();
    if (!made) return fail(made.error());
    data = *made;
  } else {
    data = present_data({0, size_});
  }
  if (!data) return fail(Errc::busy, "not complete any more");
  // Another open file description: read-only, with a read-ahead of its own. It
  // waits for a lease under which a part is given back: so a second look.
  auto fd = open_fd(AT_FDCWD, "/proc/self/fd/" + std::to_string(data->get()), O_RDONLY);
  if (fd && size_ > 0 && present_data({0, size_}) != data) {
    return fail(Errc::busy, "not complete any more");
  }
  return fd;
}

// --- writing ---

Result<DataFile::Fd> DataFile::begin_writing() {
  const std::lock_guard lock(creation_);
  auto data = data_for_writing();
  if (!data) return data;
  if (auto r = plug(*data); !r) return fail(r.error());
  state_.with([](State& s) { ++s.writers; });
  ++context_->writers;
  return data;
}

// REQUIRES: creation_ is held.
Result<DataFile::Fd> DataFile::data_for_writing() {
  const auto look = [this] {
    return state_.with([](const State& s) { return std::pair(s.data, s.writable); });
  };
  if (context_->placeholders && !look().first) adopt_placeholder();
  const auto [data, writable] = look();
  if (!data) return create_data();
  return writable ? data : reopen_for_writing(data);
}

// REQUIRES: creation_ is held and there is no data file.
Result<DataFile::Fd> DataFile::create_data() {
  if (context_->placeholders) return put_placeholder(Placeholders::Rival::keep);
  const std::uint64_t tag = random_number();
  auto file = context_->tree.create(size_, Stamp{id_, generation_, tag});
  if (!file) return fail(file.error());
  if (retired_) {
    context_->tree.drop(*file);
  } else if (auto placed = place(*file); !placed) {
    context_->tree.drop(*file);
    return fail(placed.error());
  }
  adopt_empty({std::move(file->fd), tag});
  return state_.with([](State& s) {
    s.writable = true;
    return s.data;
  });
}

// A run in place may have ended before a directory that came back under a new id was
// put there anew; the next such run would take the old one away, and the file with it.
Result<> DataFile::place(const DataTree::NewFile& file) const {
  const auto lineage = context_->catalog->lineage(id_);
  if (!lineage) return fail(lineage.error());
  std::vector<std::uint64_t> directories;
  for (const Entry& entry : *lineage) directories.push_back(entry.id);
  directories.pop_back();
  if (auto r = context_->tree.remove_strangers(path_, directories); !r) return r;
  return context_->tree.place(file, path_);
}

bool DataFile::is_written(const Fd& data, std::uint32_t chunk) const {
  return state_.with(
      [&](const State& s) { return s.data == data && s.map.has(chunk) && !s.suspects.has(chunk); });
}

bool DataFile::mark_present(const Fd& data, std::uint32_t chunk, std::uint32_t crc) {
  const bool marked = state_.with([&](State& s) {
    if (s.data != data) return false;
    if (!s.map.has(chunk)) {
      const std::uint64_t bytes = occupied(range_of(chunk).size());
      s.unrecorded += bytes;
      context_->unrecorded += bytes;
    }
    s.map.set(chunk);
    s.suspects.clear(chunk);
    if (s.suspects.present_count() == 0) s.epoch = context_->catalog->epoch();
    s.crcs[chunk] = crc;
    return true;
  });
  if (marked) announce_changes();
  return marked;
}

void DataFile::announce_changes() {
  const bool first = state_.with([](State& s) { return !std::exchange(s.dirty, true); });
  if (first && !retired_) {
    context_->committer.add(std::static_pointer_cast<DataFile>(shared_from_this()));
  }
}

// --- giving up bytes ---

Result<> DataFile::discard() {
  const std::lock_guard lock(creation_);
  return give_up(&Catalog::clear);
}

// REQUIRES: creation_ is held. `note` takes the bits out of the catalog.
Result<> DataFile::give_up(Result<> (Catalog::*note)(const FileRecord&)) {
  const FileRecord record = state_.with([&](State& s) {
    context_->unrecorded -= s.take_unrecorded();
    s.map = s.suspects = ChunkMap(size_, chunk_size_);
    s.data.reset();
    s.writable = false;
    s.crcs.clear();
    s.tag = 0;
    ++s.clears;
    s.epoch = context_->catalog->epoch();
    return record_of(s);
  });
  if (retired_) return {};
  // The file may go first, because no later one can have its tag; on a full disk
  // it must, to make room for the catalog.
  if (auto r = replace_data(); !r) return r;
  return ((*context_->catalog).*note)(record);
}

void DataFile::data_lost(const Error& why) {
  log::error("cache: {}: {}; its bytes are fetched again", path_.back(), why.message);
  if (auto r = discard(); !r) log::error("cache: {}: {}", path_.back(), r.error().message);
}

// --- the committer's view ---

FileRecord DataFile::record_of(const State& s) const {
  FileRecord record;
  record.id = id_;
  record.generation = generation_;
  record.version = s.version;
  record.chunk_size = chunk_size_;
  record.map = s.map.serialise();
  record.crcs = s.crcs;
  record.crcs.resize(s.map.chunk_count());
  record.boot_epoch = s.epoch;
  record.tag = s.tag;
  record.clears = s.clears;
  record.bytes = occupied(s.map.present_bytes());
  record.used_ns = s.used_ns;
  return record;
}

std::optional<Committable::Snapshot> DataFile::take_snapshot() {
  if (retired_) return std::nullopt;
  const auto recorded = record_version();
  auto snapshot = state_.with([&](State& s) -> std::optional<Snapshot> {
    if (!std::exchange(s.dirty, false) || !s.data || !recorded) return std::nullopt;
    s.recording = std::exchange(s.unrecorded, 0);
    s.recording_used_ns = s.used_ns;
    return Snapshot{record_of(s), s.data};
  });
  if (snapshot && context_->placeholders) snapshot->data = for_sync(std::move(snapshot->data));
  // There may be no further chunk to announce it.
  if (!recorded && recorded.error().code == Errc::no_space) announce_changes();
  return snapshot;
}

// A use that came in between may have been taken to the catalog before there was a record
// to write it into.
void DataFile::committed() {
  const auto [bytes, used_ns] = state_.with([](State& s) {
    const bool used = s.used_ns > s.recording_used_ns;
    return std::pair(std::exchange(s.recording, 0), used ? s.used_ns : 0);
  });
  context_->unrecorded -= bytes;
  if (used_ns != 0) context_->uses.note(id_, used_ns);
}

void DataFile::commit_failed() {
  state_.with([](State& s) { s.unrecorded += std::exchange(s.recording, 0); });
  announce_changes();
}

}  // namespace lazymirror
