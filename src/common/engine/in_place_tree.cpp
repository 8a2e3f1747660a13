// SPDX-License-Identifier: Apache-2.0
#include "engine/in_place_tree.h"

#include <fcntl.h>

#include "base/log.h"

namespace lazymirror {

void InPlaceTree::if_complete(EntryId id, UniqueFunction<void()> mark) {
  const bool held = held_.with([&](auto& files) {
    int& count = files[id];
    if (count != kEvicting) ++count;
    return count != kEvicting;
  });
  if (!held) return;
  const auto file = files_.open(id);
  if (file && (*file)->is_complete()) mark();
  held_.with([&](auto& files) {
    if (--files[id] == 0) files.erase(id);
  });
}

// f() gives bytes back. The lease that the cache takes proves that no reader has
// the file; that nobody fills it, only the engine knows.
template <typename F>
auto InPlaceTree::give(EntryId id, F&& f) -> decltype(f()) {
  const bool alone =
      held_.with([&](auto& files) { return files.try_emplace(id, kEvicting).second; });
  if (!alone) return fail(Errc::busy, "the file is in use");
  decltype(f()) given = fail(Errc::busy, "the file is being read or filled");
  if (open_files_.drop_idle(id)) given = f();
  held_.with([&](auto& files) { files.erase(id); });
  return given;
}

Result<> InPlaceTree::evict(EntryId id) {
  return give(id, [&] { return cache_.evict(id, populator_.observer()); });
}

Result<std::uint64_t> InPlaceTree::evict_tail(EntryId id, std::uint64_t bytes) {
  return give(id, [&] { return cache_.evict_tail(id, bytes, populator_.observer()); });
}

// The guard of a file that is not complete does it: the read that it tells of
// finds the file complete, and takes the guard away again.
void InPlaceTree::ask_again(EntryId id) {
  const auto fd = cache_.open_in_place(id, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  if (!fd) return;
  if (auto r = populator_.observer()->before_file(fd->get()); !r) {
    log::debug("engine: {}", r.error().message);
  }
}

// Nobody takes the file for complete meanwhile: the guard that is set would be
// taken away again.
Result<> InPlaceTree::forget(CachedFile& file, std::span<const ByteRange> ranges) {
  const EntryId id = file.id();
  const bool alone =
      held_.with([&](auto& files) { return files.try_emplace(id, kEvicting).second; });
  if (!alone) return fail(Errc::busy, "the file is in use");
  Result<> forgotten = file.forget(ranges);
  held_.with([&](auto& files) { files.erase(id); });
  return forgotten;
}

}  // namespace lazymirror
