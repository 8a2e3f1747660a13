// SPDX-License-Identifier: Apache-2.0
#include "cache/placer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <unordered_map>

#include "base/crew.h"
#include "base/file_io.h"
#include "base/log.h"

namespace lazymirror {
namespace {

constexpr int kAttempts = 3;  // while the listing changes under us

// The names that are to stand, and what is known of them.
struct Plan {
  std::uint64_t revision = 0;
  std::int64_t mtime_ns = 0;
  struct Child {
    Entry entry;
    std::int64_t mtime_ns = 0;
    std::uint64_t complete_tag = 0;  // of the data file that is complete; 0: none
    bool placed = false;             // a directory
    bool stands = false;
  };
  std::vector<Child> children;
};

bool is_sized(const Entry& entry) {
  return entry.kind == EntryKind::file && entry.size.has_value();
}

// No file system of ours holds more, and a lying server must not keep us busy.
bool is_too_large(const Entry& entry) { return *entry.size > kMaxFileSize; }

Result<> add_states(const Catalog& catalog, EntryId directory, Plan& plan) {
  const auto complete = catalog.complete_files(directory);
  if (!complete) return fail(complete.error());
  const auto placed = catalog.placed_directories(directory);
  if (!placed) return fail(placed.error());
  auto file = complete->begin();
  for (Plan::Child& child : plan.children) {  // all in order of id
    const EntryId id = child.entry.id;
    child.placed = std::binary_search(placed->begin(), placed->end(), id);
    while (file != complete->end() && file->id < id) ++file;
    if (file != complete->end() && file->id == id) child.complete_tag = file->tag;
    const auto mtime = catalog.shown_mtime_ns(child.entry);
    if (!mtime) return fail(mtime.error());
    child.mtime_ns = *mtime;
  }
  return {};
}

// The revision first: what changes later makes the result a thing of the past.
Result<Plan> make_plan(const Catalog& catalog, const Entry& directory) {
  const auto state = catalog.directory(directory.id);
  if (!state) return fail(state.error());
  if (!state->listed) return fail(Errc::busy, directory.name + " has not been listed yet");
  Plan plan;
  const auto revision = catalog.revision(directory.id);
  if (!revision) return fail(revision.error());
  plan.revision = *revision;
  const auto mtime = catalog.shown_mtime_ns(directory);
  if (!mtime) return fail(mtime.error());
  plan.mtime_ns = *mtime;
  auto children = catalog.children(directory.id);
  if (!children) return fail(children.error());
  plan.children.reserve(children->size());
  for (Entry& entry : *children) plan.children.push_back({std::move(entry)});
  if (auto r = add_states(catalog, directory.id, plan); !r) return fail(r.error());
  return plan;
}

// One run over one directory that is open.
class PlacingRun {
 public:
  PlacingRun(FileContext& context, LiveFiles& files, int directory, Plan plan)
      : context_(context),
        placeholders_(*context.placeholders),
        files_(files),
        directory_(directory),
        plan_(std::move(plan)) {}

  Result<Placement> run();

 private:
  using Child = Plan::Child;
  Result<> look_at_what_stands();
  Result<> look_at(const std::string& name, const struct stat& st, Child* child);
  Result<> look_at_file(const struct stat& st, Child& child);
  [[nodiscard]] std::shared_ptr<DataFile> live_data_of(const Entry& entry);
  Result<> guard_incomplete(Child& child);
  Result<> look_at_directory(const struct stat& st, Child& child);
  Result<> correct(const Child& child, const struct stat& st, mode_t mode);
  Result<> remove(const std::string& name);
  Result<> make(Child& child);
  Result<> make_file(Child& child);
  static Result<> left_out(const Entry& entry);

  FileContext& context_;
  Placeholders& placeholders_;
  LiveFiles& files_;
  const int directory_;
  Plan plan_;
  Placement result_;
};

Result<Placement> PlacingRun::run() {
  if (auto r = look_at_what_stands(); !r) return fail(r.error());
  for (Child& child : plan_.children) {
    note_progress();
    const Entry& entry = child.entry;
    if (!child.stands) {
      if (auto r = make(child); !r) return fail(r.error());
    }
    if (entry.kind == EntryKind::directory) {
      result_.directories.push_back({entry.id, entry.name, child.placed});
    } else if (!is_sized(entry)) {
      result_.unsized.push_back(entry.id);
    }
  }
  if (auto r = set_mtime(directory_, plan_.mtime_ns); !r) return fail(r.error());
  return std::move(result_);
}

Result<> PlacingRun::look_at_what_stands() {
  const auto names = names_in(directory_);
  if (!names) return fail(names.error());
  if (names->empty()) return {};
  std::unordered_map<std::string_view, Child*> wanted;
  for (Child& child : plan_.children) wanted.emplace(child.entry.name, &child);
  for (const std::string& name : *names) {
    note_progress();
    struct stat st {};
    if (::fstatat(directory_, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return fail_errno(errno, "cannot look at " + name + " in the cache");
    }
    const auto child = wanted.find(name);
    if (auto r = look_at(name, st, child == wanted.end() ? nullptr : child->second); !r) return r;
  }
  return {};
}

Result<> PlacingRun::look_at(const std::string& name, const struct stat& st, Child* child) {
  if (child == nullptr) return remove(name);
  if (child->entry.kind == EntryKind::directory) return look_at_directory(st, *child);
  if (is_sized(child->entry)) return look_at_file(st, *child);
  const auto stamp = stamp_at(directory_, name);
  if (!S_ISREG(st.st_mode) || !stamp || stamp->id != child->entry.id) return remove(name);
  auto fd = open_beneath(directory_, name.c_str(), O_RDONLY | O_NONBLOCK);
  return fd ? placeholders_.before_file(fd->get()) : fail(fd.error());
}

Result<> PlacingRun::look_at_file(const struct stat& st, Child& child) {
  const Entry& entry = child.entry;
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) != *entry.size) return {};
  const auto stamp = stamp_at(directory_, entry.name);
  if (!stamp || stamp->id != entry.id || stamp->generation != entry.generation) return {};
  // Another file than the one that is being filled: it has been put back here.
  if (const auto live = live_data_of(entry); live && !live->is_current(*stamp)) return {};
  child.stands = true;
  ++result_.kept;
  const bool complete = *entry.size == 0 || child.complete_tag == stamp->tag;
  if (!complete) {
    if (auto r = guard_incomplete(child); !r) return r;
  }
  return correct(child, st, placeholders_.file_mode());
}

// The file object whose data file is the one of this generation.
std::shared_ptr<DataFile> PlacingRun::live_data_of(const Entry& entry) {
  auto live = files_.find(entry.id);
  const bool has_data = live && live->generation() == entry.generation && live->tag() != 0;
  return has_data ? std::move(live) : nullptr;
}

// Of an earlier run, or of this one when the directory has changed since.
Result<> PlacingRun::guard_incomplete(Child& child) {
  const Entry& entry = child.entry;
  auto fd = open_beneath(directory_, entry.name.c_str(), O_RDONLY | O_NONBLOCK);
  if (!fd) return fail(fd.error());
  if (auto r = placeholders_.before_file(fd->get()); !r) return r;
  if (!placeholders_.poison().is_visible()) return {};
  if (::lseek(fd->get(), 0, SEEK_HOLE) >= static_cast<off_t>(*entry.size)) return {};
  const auto file = files_.get(entry.id);
  return file ? (*file)->plug_holes() : fail(file.error());
}

Result<> PlacingRun::look_at_directory(const struct stat& st, Child& child) {
  if (!S_ISDIR(st.st_mode)) return {};
  const Entry& entry = child.entry;
  auto stamp = stamp_at(directory_, entry.name);
  if (stamp && stamp->id != entry.id) return {};
  if (!stamp || !child.placed) {
    auto fd = open_beneath(directory_, entry.name.c_str(), O_RDONLY | O_DIRECTORY);
    if (!fd) return fail(fd.error());
    if (!stamp) {  // made by a run that was not in place
      if (auto r = write_stamp(fd->get(), {entry.id, 0, 0, st.st_ino}); !r) return r;
    }
    if (!child.placed) {
      if (auto r = placeholders_.before_directory(fd->get()); !r) return r;
    }
  }
  child.stands = true;
  ++result_.kept;
  return correct(child, st, 0755);
}

Result<> PlacingRun::correct(const Child& child, const struct stat& st, mode_t mode) {
  if (mtime_of(st) == child.mtime_ns && (st.st_mode & 07777) == mode) return {};
  const int kind = S_ISDIR(st.st_mode) ? O_DIRECTORY : 0;
  auto fd = open_beneath(directory_, child.entry.name.c_str(), O_RDONLY | O_NONBLOCK | kind);
  if (!fd) return fail(fd.error());
  if ((st.st_mode & 07777) != mode && ::fchmod(fd->get(), mode) != 0) {
    return fail_errno(errno, "cannot set the mode of " + child.entry.name + " in the cache");
  }
  return set_mtime(fd->get(), child.mtime_ns);
}

Result<> PlacingRun::remove(const std::string& name) {
  ++result_.removed;
  if (::unlinkat(directory_, name.c_str(), 0) == 0) return {};
  return context_.tree.discard_entry(directory_, name);
}

Result<> PlacingRun::make(Child& child) {
  if (child.entry.kind == EntryKind::directory) {
    auto fd =
        placeholders_.put_directory(directory_, child.entry.name, child.entry.id, child.mtime_ns);
    if (!fd) return fail(fd.error());
    ++result_.made;
    return std::exchange(child.placed, false) ? context_.catalog->set_unplaced(child.entry.id)
                                              : Result<>();
  }
  return is_sized(child.entry) ? make_file(child) : Result<>();
}

Result<> PlacingRun::make_file(Child& child) {
  const Entry& entry = child.entry;
  if (is_too_large(entry)) return left_out(entry);
  // Somebody took the data file away while it was in use.
  if (const auto live = live_data_of(entry)) {
    ++result_.replaced;
    return live->discard();
  }
  auto file = placeholders_.make_file(directory_,
                                      {entry.id, entry.generation, *entry.size, child.mtime_ns});
  if (!file && file.error().os_errno == EFBIG) return left_out(entry);
  if (!file) return fail(file.error());
  const auto put = placeholders_.put(*file, directory_, entry.name, Placeholders::Rival::keep);
  if (!put) return fail(put.error());
  if (*put == Placeholders::Put::made) ++result_.made;
  if (*put == Placeholders::Put::replaced) ++result_.replaced;
  if (*put == Placeholders::Put::kept) ++result_.kept;
  return {};
}

Result<> PlacingRun::left_out(const Entry& entry) {
  log::warn("cache: {} is too large for the file system of the cache: it is not shown", entry.name);
  return {};
}

}  // namespace

Placer::Hold::Hold(Placer& placer, EntryId directory) : placer_(placer), directory_(directory) {
  std::unique_lock lock(placer_.mutex_);
  placer_.released_.wait(lock, [&] { return placer_.held_.insert(directory_).second; });
}

Placer::Hold::~Hold() {
  const std::lock_guard lock(placer_.mutex_);
  placer_.held_.erase(directory_);
  placer_.released_.notify_all();
}

Result<Placement> Placer::place(EntryId directory) {
  const Hold hold(*this, directory);
  for (int attempt = 1;; ++attempt) {
    const auto entry = context_.catalog->get(directory);
    if (!entry) return fail(entry.error());
    auto plan = make_plan(*context_.catalog, *entry);
    if (!plan) return fail(plan.error());
    auto fd = context_.placeholders->open_directory(*context_.catalog, directory);
    if (!fd) return fail(fd.error());
    const std::uint64_t revision = plan->revision;
    auto placed = PlacingRun(context_, files_, fd->get(), std::move(*plan)).run();
    if (!placed) return placed;
    placed->id = directory;
    if (!placed->complete()) return placed;
    if (auto r = context_.catalog->set_placed(directory, revision); !r) return fail(r.error());
    const auto stands = context_.catalog->is_placed(directory);
    if (!stands) return fail(stands.error());
    if (*stands || attempt == kAttempts) return placed;
  }
}

}  // namespace lazymirror
