// SPDX-License-Identifier: Apache-2.0
#include "fanotify/directory_opens.h"

#include <cerrno>
#include <utility>

#include "base/log.h"

namespace lazymirror::fanotify {

void DirectoryOpens::handle(AccessEventPtr event) {
  const auto identity = parts_.tree.identify(event->fd.get());
  if (!identity) return parts_.outbox.answer(event->ticket, errno_of(0, identity.error()));
  // Foreign; or gone at the origin, and so without any names.
  if (!*identity || !(*identity)->current) return parts_.outbox.answer(event->ticket, 0);
  const EntryId directory = (*identity)->id;
  if (population_.is_settled(directory)) return finish(*event, directory);
  population_.populate(
      directory, Priority::demand, [this, event, directory](Result<Population::Outcome> result) {
        if (!result) {
          return parts_.outbox.answer(event->ticket, errno_of(directory, result.error()));
        }
        look_ahead_.add(result->untrapped);
        finish(*event, directory);
      });
}

void DirectoryOpens::finish(const AccessEvent& event, EntryId directory) {
  parts_.outbox.answer(event.ticket, 0);
  marks_.set_fresh(event.fd.get(), directory);
  parts_.tree.visited(directory);
}

void DirectoryOpens::handle_walk(EntryId directory) {
  if (population_.is_settled(directory)) return traps_.release_caught(directory);
  population_.populate(
      directory, Priority::demand,
      [this, directory](const Result<Population::Outcome>& result) { release(directory, result); });
}

// Where nothing could be populated the trap stays, so that the next walk is
// caught again; a worker before this one may have set it.
void DirectoryOpens::release(EntryId directory, const Result<Population::Outcome>& result) {
  if (result) {
    look_ahead_.add(result->untrapped);
    return traps_.release_caught(directory);
  }
  parts_.outbox.untrap(directory, errno_of(directory, result.error()));
  if (const auto path = parts_.tree.path(directory)) (void)traps_.want(directory, *path);
}

int DirectoryOpens::errno_of(EntryId directory, const Error& error) {
  const auto untold =
      failures_.ask(cause_of(std::to_string(directory), error), std::chrono::steady_clock::now());
  const auto path = directory == 0 ? Result<std::string>() : parts_.tree.path(directory);
  if (untold) {
    log::warn("fanotify: the directory {} could not be populated: {}{}",
              path && !path->empty() ? *path : "/", error.message, repeated(*untold));
  }
  return error.code == Errc::busy ? EIO : errno_for_reader(error);
}

}  // namespace lazymirror::fanotify
