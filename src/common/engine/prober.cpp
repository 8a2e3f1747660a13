// SPDX-License-Identifier: Apache-2.0
#include "engine/prober.h"

#include <utility>
#include <vector>

#include "base/log.h"

namespace lazymirror {

Prober::Prober(const Parts& parts)
    : parts_(parts),
      failures_(parts.options.retry_ttl, parts.clock),
      window_(parts.options.probe_ahead),
      flights_(parts.queue, parts.timers, "the origin did not say in time what it is") {}

void Prober::probe(const Entry& entry, RequestContext context, Completion<Entry> done) {
  if (auto failed = failures_.recall(entry.id)) return done(fail(std::move(*failed)));
  if (flights_.join(entry.id, context, std::move(done))) start(entry, parts_.urls.of(entry));
  look_ahead(entry);
}

void Prober::note_use(const Entry& entry) { look_ahead(entry); }

void Prober::recheck(const Entry& entry, Priority priority) {
  if (failures_.recall(entry.id)) return;
  if (flights_.begin(entry.id, priority)) ask(entry, parts_.urls.of(entry));
}

void Prober::check(const Entry& entry, RequestContext context, Completion<Entry> done) {
  if (flights_.join(entry.id, context, std::move(done))) ask(entry, parts_.urls.of(entry));
}

void Prober::look_ahead(const Entry& entry) {
  const auto step = window_.on_use(entry.parent, entry.id, !is_resolved(entry));
  if (!step) return;
  const auto siblings =
      parts_.cache.catalog().unsized_after(entry.parent, step->after, step->count);
  std::vector<EntryId> ids;
  if (siblings) {
    for (const Entry& sibling : *siblings) ids.push_back(sibling.id);
  }
  window_.asked(entry.parent, *step, ids);
  if (ids.empty()) return;
  const auto directory = parts_.urls.directory(entry.parent);
  if (!directory) return;
  for (const Entry& sibling : *siblings) {
    if (failures_.recall(sibling.id)) continue;
    if (!flights_.begin(sibling.id, Priority::look_ahead)) continue;
    start(sibling, directory->child(sibling.href, false));
  }
}

void Prober::start(const Entry& entry, const Result<Url>& url) {
  const auto now = parts_.cache.catalog().get(entry.id);
  if (!now || is_resolved(*now)) return flights_.complete(entry.id, now);
  ask(entry, url);
}

void Prober::ask(const Entry& entry, const Result<Url>& url) {
  if (!url) return flights_.complete(entry.id, fail(url.error()));
  flights_.submit(entry.id, [this, entry, url = *url](TicketId ticket) {
    parts_.uplink.probe(url, parts_.clock.now() + parts_.options.timeout,
                        [this, entry, ticket](Result<ProbeReply> reply) {
                          parts_.uplink.note_answer();
                          parts_.queue.release(ticket);
                          parts_.pool.run([this, entry, reply = std::move(reply)]() mutable {
                            finish(entry, std::move(reply));
                          });
                        });
  });
}

void Prober::finish(const Entry& before, Result<ProbeReply> reply) {
  if (!reply) {
    const Error& error = reply.error();
    // What is known already is only rechecked: not again at the next look.
    const bool remember =
        is_resolved(before) ? error.code != Errc::cancelled : is_lasting(error.code);
    if (remember) failures_.remember(before.id, error);
    return flights_.complete(before.id, fail(std::move(reply.error())));
  }
  failures_.forget(before.id);
  Cache& cache = parts_.cache;
  flights_.complete(before.id, accept(before, reply->is_directory
                                                  ? cache.record_directory(before.id)
                                                  : cache.record_file(before.id, reply->version)));
}

Result<Entry> Prober::accept(const Entry& before, const Result<Entry>& now) {
  if (!now) return now;
  if (now->generation != before.generation) {
    log::info("engine: {} has a new version at the origin", now->name);
    parts_.changes.file_changed(*now);
  } else if (!is_resolved(before)) {
    parts_.changes.entry_resolved(*now);
  }
  return now;
}

void Prober::supersede(EntryId id, std::uint64_t generation, const Version& seen) {
  const auto before = parts_.cache.catalog().get(id);
  if (!before) return;
  if (const auto now = accept(*before, parts_.cache.supersede(id, generation, seen)); !now) {
    log::warn("engine: a new version of {} could not be recorded: {}", before->name,
              now.error().message);
  }
}

}  // namespace lazymirror
