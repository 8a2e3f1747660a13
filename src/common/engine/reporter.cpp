// SPDX-License-Identifier: Apache-2.0
#include "engine/reporter.h"

#include <utility>

#include "engine/attributes.h"

namespace lazymirror {
namespace {

// To count all files of a large tree takes a second or so; whoever looks more
// often than this gets the last figure.
constexpr Duration kCountFor{60'000};

}  // namespace

Result<FileStatus> Reporter::status(EntryId id) const {
  const auto entry = cache_.catalog().get(id);
  if (!entry) return fail(entry.error());
  const auto url = urls_.of(*entry);
  if (!url) return fail(url.error());
  FileStatus status{"remote", 0, url->str(), ""};
  if (entry->kind == EntryKind::directory) {
    status.state = "directory";
    return status;
  }
  if (!is_resolved(*entry)) return status;
  const auto file = cache_.file(id);
  if (!file) return fail(file.error());
  status.cached_bytes = (*file)->present_bytes();
  status.etag = (*file)->version().etag;
  if ((*file)->is_complete()) {
    status.state = "cached";
  } else if (status.cached_bytes > 0) {
    status.state = "partial";
  }
  return status;
}

EngineReport Reporter::report(const Files& files) {
  EngineReport out;
  meter_.report(out.origin);
  const OriginHealth health = uplink_.health();
  out.origin.consecutive_failures = health.consecutive_failures;
  out.origin.http2 = health.http2;
  out.origin.offline = uplink_.is_offline();
  const auto load = queue_.load();
  out.origin.running = load.running;
  out.origin.waiting = load.waiting;
  out.entries = cache_.catalog().entry_count().value_or(0);
  const Catalog::Files known = known_files();
  out.files = known.count;
  out.files_bytes = known.bytes;
  out.hits = files.hits();
  out.misses = files.misses();
  return out;
}

Catalog::Files Reporter::known_files() {
  const SteadyTime now = clock_.now();
  const auto last = known_.with([](const Known& known) { return known; });
  if (now < last.until) return last.files;
  const auto counted = cache_.catalog().known_files();
  if (!counted) return last.files;
  known_.with([&](Known& known) { known = {*counted, now + kCountFor}; });
  return *counted;
}

bool Reporter::is_stale(const DirectoryState& state) const {
  return state.listed && clock_.wall_ns() >= state.fresh_until_ns;
}

Result<NameStatus> Reporter::name_of(const Entry& entry, bool stale) const {
  const auto known = status(entry.id);
  if (!known) return fail(known.error());
  NameStatus out;
  out.name = entry.name;
  out.id = entry.id;
  out.kind = entry.kind;
  out.state = known->state;
  out.size = entry.size;
  out.cached_bytes = known->cached_bytes;
  out.stale = stale;
  return out;
}

Result<std::vector<NameStatus>> Reporter::names(EntryId directory) const {
  const auto entry = cache_.catalog().get(directory);
  if (!entry) return fail(entry.error());
  if (entry->kind == EntryKind::file) {
    return fail(Errc::not_a_directory, entry->name + " is not a directory");
  }
  const auto state = cache_.catalog().directory(directory);
  if (!state) return fail(state.error());
  if (!state->listed) {
    return fail(Errc::unreachable, "it was never listed: nothing is known of what is in it");
  }
  const auto children = cache_.catalog().children(directory);
  if (!children) return fail(children.error());
  std::vector<NameStatus> out;
  for (const Entry& child : *children) {
    auto name = name_of(child, is_stale(*state));
    if (name) out.push_back(std::move(*name));  // else it has just gone
  }
  return out;
}

void Reporter::describe_file(const Entry& entry, EntryReport& out) const {
  if (!is_resolved(entry)) return;
  const auto file = cache_.file(entry.id);
  if (!file) return;
  const Version version = (*file)->version();
  out.etag = version.etag;
  out.last_modified = version.last_modified;
  out.generation = (*file)->generation();
  out.chunk_size = (*file)->chunk_size();
  out.chunks = ((*file)->size() + out.chunk_size - 1) / out.chunk_size;
}

Result<EntryReport> Reporter::describe(EntryId id) const {
  const auto entry = cache_.catalog().get(id);
  if (!entry) return fail(entry.error());
  const bool directory = entry->kind == EntryKind::directory;
  const auto state = cache_.catalog().directory(directory ? id : entry->parent);
  if (!state) return fail(state.error());
  auto name = name_of(*entry, is_stale(*state));
  if (!name) return fail(name.error());
  const auto url = urls_.of(*entry);
  if (!url) return fail(url.error());
  EntryReport out;
  out.status = std::move(*name);
  out.url = url->str();
  out.mtime_ns = cache_.catalog().shown_mtime_ns(*entry).value_or(0);
  if (state->listed) out.listed_ns = state->listed_ns;
  if (state->listed) out.fresh_until_ns = state->fresh_until_ns;
  if (!directory) describe_file(*entry, out);
  return out;
}

}  // namespace lazymirror
