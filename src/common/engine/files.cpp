// SPDX-License-Identifier: Apache-2.0
#include "engine/files.h"

#include <utility>

#include "engine/uncached_read.h"

namespace lazymirror {
namespace {

// Long enough for a connection to reach its full speed, short enough for
// several to be under way within one read-ahead window.
constexpr std::uint64_t kMaxRequest = 8u << 20;

constexpr std::uint64_t kMaxUncached = 1u << 20;

// A transfer outlives those who wait for it by so much. When a read-ahead has
// failed the kernel asks once more within the same read(2) (mm/filemap.c,
// filemap_read_folio): the second request then joins the stalled transfer and
// ends with it, instead of waiting for a whole --timeout of its own.
constexpr Duration kGrace{500};

std::shared_ptr<MirrorFile> ours(const std::shared_ptr<File>& file) {
  return std::static_pointer_cast<MirrorFile>(file);  // nobody else makes any
}

}  // namespace

Files::Files(const Parts& parts, OpenFiles& open, Describer& describer, Prober& prober)
    : parts_(parts),
      open_(open),
      describer_(describer),
      prober_(prober),
      fills_({parts.options.timeout + kGrace, kMaxRequest}, parts.queue, parts.timers,
             parts.clock) {}

Result<std::shared_ptr<MirrorFile>> Files::open(EntryId id) {
  const std::int64_t now_ns = parts_.clock.wall_ns();
  if (auto file = open_.find(id)) {
    file->note_use(now_ns);
    return file;
  }
  const auto token = open_.begin();
  const auto entry = parts_.cache.catalog().get(id);
  if (!entry) return fail(entry.error());
  if (entry->kind == EntryKind::directory) {
    return fail(Errc::is_a_directory, entry->name + " is a directory");
  }
  if (!is_resolved(*entry)) return fail(Errc::busy, "the size of " + entry->name + " is not known");
  auto cached = parts_.cache.file(id);
  if (!cached) return fail(std::move(cached.error()));
  auto url = parts_.urls.of(*entry);
  if (!url) return fail(std::move(url.error()));
  describer_.fetched(id);
  (*cached)->note_use(now_ns);
  return open_.add(std::make_shared<MirrorFile>(*entry, std::move(*url), std::move(*cached), *this),
                   token);
}

WaiterId Files::fill(const std::shared_ptr<File>& file, ByteRange range, RequestContext context,
                     Completion<> done) {
  const auto target = ours(file);
  range = range.intersect({0, target->size()});
  if (auto usable = target->check_usable(); !usable) {
    done(std::move(usable));
    return 0;
  }
  if (target->is_complete()) {
    hits_.fetch_add(1, std::memory_order_relaxed);
    done({});
    return 0;
  }
  (target->is_present(range) ? hits_ : misses_).fetch_add(1, std::memory_order_relaxed);
  // The reader's own bytes are asked for before the guesses.
  const WaiterId id = fills_.fill(target, range, context, saying_why(std::move(done)));
  if (const auto ahead = target->note_read(range, fills_.largest_window())) {
    using enum FillScheduler::Cut;
    fills_.prefetch(target, ahead->range, Priority::read_ahead, ahead->grows ? for_idle : few);
  }
  return id;
}

WaiterId Files::fetch(const std::shared_ptr<MirrorFile>& file, ByteRange range,
                      RequestContext context, Completion<> done) {
  if (auto usable = file->check_usable(); !usable) {
    done(std::move(usable));
    return 0;
  }
  return fills_.fill(file, range, context, std::move(done));
}

// Who waited for an origin that is away is told so.
Completion<> Files::saying_why(Completion<> done) {
  return [this, done = std::move(done)](Result<> result) mutable {
    if (!result && result.error().code == Errc::timeout && parts_.uplink.is_away()) {
      result.error().message += ": the origin cannot be reached (ENETUNREACH)";
    }
    done(std::move(result));
  };
}

void Files::prefetch(EntryId id) {
  if (is_cache_full()) return;
  const auto file = open(id);
  if (file) fills_.prefetch(*file, {0, (*file)->size()}, Priority::look_ahead);
}

void Files::abandon(const std::shared_ptr<File>& file) {
  const auto target = ours(file);
  target->forget_reads();
  target->note_use(parts_.clock.wall_ns());
  fills_.abandon(target);
}

void Files::read_uncached(const std::shared_ptr<File>& file, ByteRange range,
                          RequestContext context, Completion<std::vector<std::byte>> done) {
  const auto target = ours(file);
  range = range.intersect({0, target->size()});
  if (auto usable = target->check_usable(); !usable) return done(fail(std::move(usable.error())));
  if (range.empty()) return done(std::vector<std::byte>{});
  if (range.size() > kMaxUncached) {
    return done(fail(Errc::invalid, "too much to be read past the cache"));
  }
  UncachedRead::start(parts_, target, range, context, std::move(done), *this);
}

void Files::read_range(RangeRequest request, std::shared_ptr<RangeSink> sink) {
  parts_.uplink.read(std::move(request), std::move(sink));
}

void Files::completed(const MirrorFile& file) {
  parts_.pool.run([this, parent = file.parent(), name = file.name(), id = file.id()] {
    parts_.changes.file_completed(parent, name, id);
  });
}

void Files::changed(const MirrorFile& file, const std::optional<Version>& seen) {
  open_.drop(file.id());
  parts_.pool.run([this, id = file.id(), generation = file.generation(), seen] {
    if (seen) return prober_.supersede(id, generation, *seen);
    const auto entry = parts_.cache.catalog().get(id);
    if (entry) prober_.recheck(*entry, Priority::demand);
  });
}

}  // namespace lazymirror
