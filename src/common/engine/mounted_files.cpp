// SPDX-License-Identifier: Apache-2.0
#include "engine/mounted_files.h"

namespace lazymirror {

// f() gives bytes back, if nobody is at the file.
template <typename F>
auto MountedFiles::give(EntryId id, F&& f) -> decltype(f()) {
  const auto file = open_.peek(id);
  if (file) {
    const bool has_readers = !file->version().has_validator() && !open_.drop_idle(id, 1);
    if (file->is_open() || has_readers) return fail(Errc::busy, file->name() + " is in use");
  }
  const auto entry = cache_.catalog().get(id);
  if (!entry) return fail(entry.error());
  auto given = f();
  if (!given) return given;
  if (file) file->evicted();
  const auto now = cache_.catalog().get(id);
  if (now && now->generation != entry->generation) {
    changes_.file_changed(*now);
  } else {
    changes_.file_evicted(entry->parent, entry->name, id);
  }
  return given;
}

bool MountedFiles::is_nameless(EntryId id) {
  const auto file = cache_.file(id);
  return file && (*file)->is_nameless();
}

Result<> MountedFiles::evict(EntryId id) {
  return give(id, [&] { return is_nameless(id) ? cache_.renew(id) : cache_.evict(id, nullptr); });
}

Result<std::uint64_t> MountedFiles::evict_tail(EntryId id, std::uint64_t bytes) {
  if (is_nameless(id)) return std::uint64_t{0};
  return give(id, [&] { return cache_.evict_tail(id, bytes, nullptr); });
}

}  // namespace lazymirror
