// SPDX-License-Identifier: Apache-2.0
#include "cache/cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/log.h"
#include "cache/cache_directory.h"
#include "cache/cache_start.h"
#include "cache/data_file.h"
#include "cache/file_table.h"
#include "cache/placer.h"

namespace lazymirror {
namespace {

class DiskCache final : public Cache, private LiveFiles {
 public:
  DiskCache(CacheDirectory directory, std::unique_ptr<Catalog> catalog, const CacheOptions& options,
            const Clock& clock, std::vector<std::string> notices)
      : clock_(clock),
        lock_(options.lock),
        context_(std::make_shared<FileContext>(std::move(catalog), std::move(directory.data),
                                               std::move(directory.temporary),
                                               options.commit_interval)),
        files_(options.open_files),
        notices_(std::move(notices)) {
    context_->open_quietly = options.open_quietly;
    if (!options.in_place) return;
    context_->placeholders =
        std::make_unique<Placeholders>(context_->tree, directory.meta.get(), options.file_mode);
    context_->reservations = std::make_unique<const Reservations>(std::move(directory.meta));
    placer_.emplace(*context_, static_cast<LiveFiles&>(*this));
  }
  ~DiskCache() override;

  [[nodiscard]] const Catalog& catalog() const override { return *context_->catalog; }
  Result<ListingDiff> store_listing(EntryId directory, std::span<const ListedEntry> entries,
                                    std::int64_t fresh_until_ns,
                                    const ListingValidator& validator) override;
  Result<> set_fresh_until(EntryId directory, std::int64_t fresh_until_ns) override {
    return context_->catalog->set_fresh_until(directory, clock_.wall_ns(), fresh_until_ns);
  }
  Result<Entry> record_file(EntryId id, const Version& seen) override;
  Result<Entry> supersede(EntryId id, std::uint64_t generation, const Version& seen) override;
  Result<Entry> record_directory(EntryId id) override {
    return context_->catalog->record_directory(id);
  }
  [[nodiscard]] Result<std::shared_ptr<CachedFile>> file(EntryId id) override;
  Result<> flush() override { return context_->committer.flush(); }
  [[nodiscard]] std::uint64_t stored_bytes() const override {
    return context_->catalog->stored_bytes() + context_->unrecorded;
  }
  [[nodiscard]] bool is_written_to() const override { return context_->writers > 0; }
  Result<> record_uses() override;
  Result<> record_uses(std::span<const Catalog::Use> uses) override {
    return context_->catalog->record_uses(uses);
  }
  Result<> pin(EntryId id) override { return context_->catalog->pin(id); }
  Result<> unpin(EntryId id) override { return context_->catalog->unpin(id); }
  Result<> set_cache_size(std::uint64_t bytes) override {
    return context_->catalog->set_cache_size(bytes);
  }
  [[nodiscard]] const std::vector<std::string>& notices() const override { return notices_; }
  [[nodiscard]] int data_fd() const override { return context_->tree.data_fd(); }
  Result<Placement> place(EntryId directory, ObserverPtr observer) override;
  [[nodiscard]] Result<bool> is_placed(EntryId directory) override;
  [[nodiscard]] Result<std::optional<Identity>> identify(int fd) override;
  [[nodiscard]] Result<UniqueFd> open_in_place(EntryId id, int flags) override;
  [[nodiscard]] Result<std::string> path_in_place(EntryId id) override;
  Result<> evict(EntryId id, ObserverPtr observer) override;
  Result<std::uint64_t> evict_tail(EntryId id, std::uint64_t bytes, ObserverPtr observer) override;
  Result<> renew(EntryId id) override;
  Result<> reserve(EntryId id) override;
  Result<> release(EntryId id, ObserverPtr observer) override;
  [[nodiscard]] std::vector<EntryId> reserved() override {
    return placer_ ? context_->reservations->all() : std::vector<EntryId>();
  }
  [[nodiscard]] bool can_poison() const override {
    return placer_ && context_->placeholders->poison().is_visible();
  }

  Result<> begin(const CacheOptions& options);

 private:
  [[nodiscard]] std::shared_ptr<DataFile> find(EntryId id) override { return files_.find(id); }
  [[nodiscard]] Result<std::shared_ptr<DataFile>> get(EntryId id) override;
  Result<bool> is_current_file(const Stamp& stamp);
  Result<bool> is_current_directory(EntryId id, const struct stat& found);
  Result<TreePath> path_of(EntryId id) const;
  Result<std::shared_ptr<DataFile>> load(EntryId id);
  void drop_data(const TreePath& directory, const ListingDiff& diff);
  void drop_old(const Entry& entry);
  template <typename F>
  auto for_eviction(EntryId id, ObserverPtr observer, F&& f)
      -> decltype(f(std::declval<DataFile&>()));

  const Clock& clock_;
  const std::shared_ptr<const UniqueFd> lock_;  // released after all else
  std::shared_ptr<FileContext> context_;
  FileTable files_;
  std::optional<Placer> placer_;  // in place only
  const std::vector<std::string> notices_;
};

DiskCache::~DiskCache() {
  files_.drop_idle();
  // Only what is recorded as well as stored makes a clean stop.
  auto stopped = context_->committer.stop();
  if (stopped) stopped = record_uses();
  if (stopped && placer_ && ::syncfs(data_fd()) != 0) {  // the placeholders
    stopped = fail_errno(errno, "cannot sync the cache");
  }
  if (stopped) stopped = context_->catalog->mark_clean();
  if (!stopped) log::warn("cache: not stopped cleanly: {}", stopped.error().message);
}

Result<TreePath> DiskCache::path_of(EntryId id) const {
  auto lineage = context_->catalog->lineage(id);
  if (!lineage) return fail(lineage.error());
  TreePath path;
  for (Entry& entry : *lineage) path.push_back(std::move(entry.name));
  return path;
}

Result<ListingDiff> DiskCache::store_listing(EntryId directory,
                                             std::span<const ListedEntry> entries,
                                             std::int64_t fresh_until_ns,
                                             const ListingValidator& validator) {
  auto path = path_of(directory);
  if (!path) return fail(path.error());
  auto diff = context_->catalog->store_listing(directory, entries, clock_.wall_ns(), fresh_until_ns,
                                               validator);
  if (!diff) return diff;
  drop_data(*path, *diff);
  context_->committer.poke();
  return diff;
}

// A failure leaves a file that no map believes in: space, but no wrong bytes.
void DiskCache::drop_data(const TreePath& directory, const ListingDiff& diff) {
  const auto each = [&](const ListingDiff::Item& item, std::uint64_t before_generation) {
    TreePath path = directory;
    path.push_back(item.name);
    files_.retire(item.id);
    if (item.kind == EntryKind::directory) files_.retire_below(path);
    if (placer_) return;  // place() does it, once users can be told
    auto r = item.kind == EntryKind::directory
                 ? context_->tree.remove_directory(path)
                 : context_->tree.remove_file(path, item.id, before_generation);
    if (!r) log::warn("cache: {}", r.error().message);
  };
  for (const auto& item : diff.removed) each(item, UINT64_MAX);
  for (const auto& item : diff.changed) {
    const auto now = context_->catalog->get(item.id);
    each(item, now ? now->generation : UINT64_MAX);
  }
}

// A writer may have begun since the catalog was asked: what it brings is not of
// that version, or nobody knows.
Result<Entry> DiskCache::record_file(EntryId id, const Version& seen) {
  auto before = context_->catalog->get(id);
  if (!before) return before;
  auto entry = context_->catalog->record_file(id, seen, clock_.wall_ns());
  if (!entry) return entry;
  if (entry->generation != before->generation) {
    drop_old(*entry);
  } else if (const auto file = files_.find(id)) {
    if (file->generation() != entry->generation) return entry;
    file->learn(seen);
    if (seen.has_validator() && file->is_nameless()) return supersede(id, entry->generation, seen);
    file->show_mtime(entry->mtime_ns.value_or(entry->ctime_ns));
  }
  return entry;
}

Result<Entry> DiskCache::supersede(EntryId id, std::uint64_t generation, const Version& seen) {
  auto entry = context_->catalog->supersede(id, generation, seen, clock_.wall_ns());
  if (entry && entry->generation != generation) drop_old(*entry);
  return entry;
}

// In place place() takes the old file away, once users can be told.
void DiskCache::drop_old(const Entry& entry) {
  files_.retire(entry.id);
  if (placer_) return;
  auto path = path_of(entry.id);
  auto r =
      path ? context_->tree.remove_file(*path, entry.id, entry.generation) : fail(path.error());
  if (!r) log::warn("cache: {}", r.error().message);
}

Result<std::shared_ptr<DataFile>> DiskCache::load(EntryId id) {
  auto record = context_->catalog->load(id);
  if (!record) return fail(record.error());
  if (!*record) {
    auto entry = context_->catalog->get(id);
    if (!entry) return fail(entry.error());
    if (entry->kind == EntryKind::directory) {
      return fail(Errc::is_a_directory, entry->name + " is a directory");
    }
    return fail(Errc::busy, "the size of " + entry->name + " is not known yet");
  }
  auto path = path_of(id);
  if (!path) return fail(path.error());
  return DataFile::open(context_, std::move(**record), std::move(*path));
}

// A new generation may begin between the look into the catalog and the
// insertion. It either retires what was inserted, or the second look sees it.
Result<std::shared_ptr<DataFile>> DiskCache::get(EntryId id) {
  for (;;) {
    if (auto known = files_.find(id)) return known;
    auto loaded = load(id);
    if (!loaded) return fail(loaded.error());
    const auto file = files_.insert(std::move(*loaded));
    const auto now = context_->catalog->get(id);
    if (now && now->generation == file->generation()) return file;
    files_.retire(id);
    if (!now) return fail(now.error());
  }
}

Result<std::shared_ptr<CachedFile>> DiskCache::file(EntryId id) { return get(id); }

// --- in place ---

Result<> DiskCache::begin(const CacheOptions& options) {
  if (auto r = context_->tree.clean_temporary(); !r) return r;
  if (auto r = context_->catalog->forget_future_listings(clock_.wall_ns()); !r) return r;
  if (!options.in_place) return context_->catalog->forget_placed();
  struct stat st {};
  const int root = context_->tree.data_fd();
  if (::fstat(root, &st) != 0) return fail_errno(errno, "cannot look at the cache");
  return write_stamp(root, {kRootId, 0, 0, st.st_ino});
}

Failure not_in_place() { return fail(Errc::unsupported, "the cache is not used in place"); }

Result<Placement> DiskCache::place(EntryId directory, ObserverPtr observer) {
  if (!placer_) return not_in_place();
  context_->placeholders->set_observer(std::move(observer));
  return placer_->place(directory);
}

Result<bool> DiskCache::is_placed(EntryId directory) {
  if (!placer_) return false;
  return context_->catalog->is_placed(directory);
}

Result<UniqueFd> DiskCache::open_in_place(EntryId id, int flags) {
  if (!placer_) return not_in_place();
  const auto entry = context_->catalog->get(id);
  if (!entry) return fail(entry.error());
  const auto path = path_of(id);
  if (!path) return fail(path.error());
  if (entry->kind == EntryKind::directory) return context_->tree.open_directory(*path, flags);
  return context_->tree.open_file(*path, flags);
}

Result<std::string> DiskCache::path_in_place(EntryId id) {
  if (!placer_) return not_in_place();
  const auto names = path_of(id);
  if (!names) return fail(names.error());
  std::string path;
  for (const std::string& name : *names) path += path.empty() ? name : "/" + name;
  return path;
}

// A copy of the whole file system (a snapshot) has our stamps and inode numbers
// on another device: what is missing there can never be had.
Result<std::optional<Identity>> DiskCache::identify(int fd) {
  if (!placer_) return not_in_place();
  struct stat st {};
  struct stat root {};
  if (::fstat(fd, &st) != 0 || ::fstat(data_fd(), &root) != 0) {
    return fail_errno(errno, "cannot look at an open file");
  }
  const auto stamp = read_stamp(fd);
  if (!stamp) return std::optional<Identity>();
  Identity identity{stamp->id, S_ISDIR(st.st_mode) ? EntryKind::directory : EntryKind::file, false};
  if (st.st_dev != root.st_dev) return identity;
  const auto current = identity.kind == EntryKind::directory ? is_current_directory(stamp->id, st)
                                                             : is_current_file(*stamp);
  if (!current) return fail(current.error());
  identity.current = *current;
  return identity;
}

// Only trouble with the disk is an error: all else means that it is not.
Result<bool> is_not_current(const Error& error) {
  if (error.code == Errc::io || error.code == Errc::corrupt) return fail(error);
  return false;
}

Result<bool> DiskCache::is_current_file(const Stamp& stamp) {
  const auto file = get(stamp.id);
  if (!file) return is_not_current(file.error());
  return (*file)->is_current(stamp);
}

Result<bool> DiskCache::is_current_directory(EntryId id, const struct stat& found) {
  const auto fd = open_in_place(id, O_PATH);
  if (!fd) return is_not_current(fd.error());
  struct stat st {};
  if (::fstat(fd->get(), &st) != 0) return fail_errno(errno, "cannot look at a directory");
  return st.st_ino == found.st_ino && S_ISDIR(st.st_mode);
}

// Calls f(file), with the directory held in place.
template <typename F>
auto DiskCache::for_eviction(EntryId id, ObserverPtr observer, F&& f)
    -> decltype(f(std::declval<DataFile&>())) {
  const auto entry = context_->catalog->get(id);
  if (!entry) return fail(entry.error());
  std::optional<Placer::Hold> hold;
  if (placer_) {
    context_->placeholders->set_observer(std::move(observer));
    hold.emplace(*placer_, entry->parent);
  }
  const auto file = get(id);
  if (!file) return fail(file.error());
  return f(**file);
}

Result<> DiskCache::evict(EntryId id, ObserverPtr observer) {
  return for_eviction(id, std::move(observer), [](DataFile& file) { return file.evict(); });
}

Result<std::uint64_t> DiskCache::evict_tail(EntryId id, std::uint64_t bytes, ObserverPtr observer) {
  return for_eviction(id, std::move(observer),
                      [&](DataFile& file) { return file.evict_tail(bytes); });
}

Result<> DiskCache::renew(EntryId id) {
  const auto file = get(id);
  if (!file) return fail(file.error());
  if ((*file)->is_written_to()) {
    return fail(Errc::busy, (*file)->path().back() + " is being fetched");
  }
  const auto entry = context_->catalog->renew(id, (*file)->generation());
  if (!entry) return fail(entry.error());
  drop_old(*entry);
  return {};
}

// In small steps: other writers of the catalog wait for each.
Result<> DiskCache::record_uses() {
  constexpr std::size_t kStep = 500;
  for (;;) {
    const auto uses = context_->uses.take(kStep);
    if (uses.empty()) return context_->catalog->forget_future_uses(clock_.wall_ns() - 1);
    if (auto r = context_->catalog->record_uses(uses); !r) return r;
  }
}

Result<> DiskCache::reserve(EntryId id) {
  if (!placer_ || can_poison()) return {};
  const auto file = get(id);
  return file ? (*file)->reserve() : fail(file.error());
}

Result<> DiskCache::release(EntryId id, ObserverPtr observer) {
  if (!placer_) return not_in_place();
  context_->placeholders->set_observer(std::move(observer));
  const auto file = get(id);
  if (file) return (*file)->release();
  if (file.error().code == Errc::io) return fail(file.error());
  context_->reservations->remove(id);  // it is gone at the origin, and its blocks with it
  return {};
}

}  // namespace

Result<std::unique_ptr<Cache>> Cache::open(CacheOptions options, const Clock& clock) {
  const auto boot_id = boot_id_of(options);
  if (!boot_id) return fail(boot_id.error());
  if (auto r = take_lock(options); !r) return fail(r.error());
  auto directory = open_cache_directory(options.directory);
  if (!directory) return fail(directory.error());
  auto opened = open_usable_catalog(*directory, *boot_id);
  if (!opened) {
    return fail(
        with_context(opened.error(), "cannot use the cache directory " + options.directory));
  }
  if (auto r = check_url(*opened->catalog, options); !r) return fail(r.error());
  auto notices = start_notices(*directory, *opened->catalog, std::move(opened->damage));
  auto cache = std::make_unique<DiskCache>(std::move(*directory), std::move(opened->catalog),
                                           options, clock, std::move(notices));
  if (auto r = cache->begin(options); !r) return fail(r.error());
  return cache;
}

}  // namespace lazymirror
