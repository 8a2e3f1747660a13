// SPDX-License-Identifier: Apache-2.0
#include "fanotify/file_accesses.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "fanotify/fill_windows.h"
#include "fanotify/marks.h"

namespace lazymirror::fanotify {

void FileAccesses::handle(AccessEventPtr event) {
  const bool filled = fills(*event);
  if (!filled && !parts_.options.opens.reserves) {
    parts_.outbox.answer(event->ticket, 0);
    return restore_mark(*event);
  }
  const auto entry = current_entry(*event);
  if (!entry) return refuse(*event, 0, entry.error());
  if (!*entry) return parts_.outbox.answer(event->ticket, 0);
  if (filled) return fill(event, **entry);
  reserve(*event, **entry);
}

// What is not an open, and an open of a small file.
bool FileAccesses::fills(const AccessEvent& event) const {
  if (event.kind != Event::Kind::open) return true;
  struct stat status {};
  const bool seen = ::fstat(event.fd.get(), &status) == 0;
  return !seen || static_cast<std::uint64_t>(status.st_size) <= parts_.options.opens.fill_up_to;
}

// It is asked for because the mark of a complete file went with its inode.
void FileAccesses::restore_mark(const AccessEvent& event) {
  const auto entry = current_entry(event);
  if (!entry || !*entry) return;
  mark_complete(parts_.tree, parts_.group, parts_.options.inode_guards, event.fd.get(), **entry);
}

Result<std::optional<EntryId>> FileAccesses::current_entry(const AccessEvent& event) {
  const auto identity = parts_.tree.identify(event.fd.get());
  if (!identity) return fail(identity.error());
  if (!*identity) return std::optional<EntryId>();
  if ((*identity)->current) return std::optional((*identity)->id);
  return fail(Errc::changed, "it has changed at the origin since it was opened");
}

ByteRange FileAccesses::wanted(const AccessEvent& event, std::uint64_t size) const {
  if (!event.offset || event.kind != Event::Kind::read) return {0, size};
  if (event.count > 0) return clipped(*event.offset, event.count, size);
  const bool is_clone = *event.offset == 0 && parts_.tree.can_poison();
  return is_clone ? ByteRange{0, size} : ByteRange{};
}

void FileAccesses::fill(const AccessEventPtr& event, EntryId id) {
  auto opened = parts_.engine.open(id);
  if (!opened) return refuse(*event, id, opened.error());
  const std::shared_ptr<File> file = std::move(*opened);
  const ByteRange range = wanted(*event, file->size());
  // Present or not, the engine notes the read: sequential reading fetches ahead.
  if (range.empty() || file->is_present(range)) {
    if (!range.empty()) {
      parts_.engine.fill(file, range, parts_.context(Priority::demand), [](const Result<>&) {});
    }
    return finish(*event, *file, {});
  }
  FillWindows::fill(parts_, event->ticket, file, range, [this, event, file](Result<> filled) {
    parts_.pool.run(
        [this, event, file, filled = std::move(filled)] { finish(*event, *file, filled); });
  });
}

void FileAccesses::reserve(const AccessEvent& event, EntryId id) {
  const auto file = parts_.engine.open(id);
  if (!file) return refuse(event, id, file.error());
  const bool complete = (*file)->is_complete();
  finish(event, **file, complete ? Result<>() : reserved_.reserve(id));
}

void FileAccesses::finish(const AccessEvent& event, File& file, const Result<>& filled) {
  if (!filled) return refuse(event, file.id(), filled.error());
  const auto still = current_entry(event);
  if (!still) return refuse(event, file.id(), still.error());
  if (file.is_complete()) {
    mark_complete(parts_.tree, parts_.group, parts_.options.inode_guards, event.fd.get(),
                  file.id());
  }
  parts_.outbox.answer(event.ticket, 0);
}

void FileAccesses::refuse(const AccessEvent& event, EntryId id, const Error& error) {
  report(id, error);
  parts_.outbox.answer(event.ticket, error.code == Errc::busy ? EIO : errno_for_reader(error));
}

void FileAccesses::report(EntryId id, const Error& error) {
  const auto untold =
      failures_.ask(cause_of(std::to_string(id), error), std::chrono::steady_clock::now());
  if (!untold) return;
  const auto path = id == 0 ? Result<std::string>() : parts_.tree.path(id);
  log::warn("fanotify: a read of {} failed: {}{}", path && !path->empty() ? *path : "a file",
            error.message, repeated(*untold));
}

}  // namespace lazymirror::fanotify
