// SPDX-License-Identifier: Apache-2.0
#include "engine/directory_loader.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "listing/listing.h"

namespace lazymirror {
namespace {

// A listing that "has not changed" is fetched as a whole after so many --ttl.
constexpr std::int64_t kBelieved = 12;

std::int64_t ns(Duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

}  // namespace

DirectoryLoader::DirectoryLoader(const Parts& parts)
    : parts_(parts),
      failures_(parts.options.retry_ttl, parts.clock),
      flights_(parts.queue, parts.timers, "the listing did not come in time") {}

void DirectoryLoader::load(EntryId directory, RequestContext context, Completion<> done) {
  if (auto failed = failures_.recall(directory)) return done(fail(std::move(*failed)));
  if (flights_.join(directory, context, std::move(done))) start(directory);
}

void DirectoryLoader::load_since(EntryId directory, std::int64_t asked_ns, RequestContext context,
                                 Completion<> done) {
  if (!flights_.join(directory, context, std::move(done))) return;
  const auto state = parts_.cache.catalog().directory(directory);
  if (!state) return flights_.complete(directory, fail(state.error()));
  if (state->listed && state->asked_ns > asked_ns) return flights_.complete(directory, {});
  ask(directory, *state, {.patient = !state->listed});
}

void DirectoryLoader::reload(EntryId directory, RequestContext context, Manner manner,
                             Completion<> done) {
  if (!flights_.join(directory, context, std::move(done))) return;
  const auto state = parts_.cache.catalog().directory(directory);
  if (!state) return flights_.complete(directory, fail(state.error()));
  ask(directory, *state, manner);
}

void DirectoryLoader::refresh(EntryId directory) {
  if (failures_.recall(directory)) return;
  if (flights_.begin(directory, Priority::read_ahead)) start(directory);
}

void DirectoryLoader::start(EntryId directory) {
  const auto state = parts_.cache.catalog().directory(directory);
  if (!state) return flights_.complete(directory, fail(state.error()));
  if (state->listed && parts_.clock.wall_ns() < state->fresh_until_ns) {
    return flights_.complete(directory, {});
  }
  // With an old listing to fall back on, nobody has to wait for one who is away.
  ask(directory, *state, {.patient = !state->listed});
}

bool DirectoryLoader::may_be_unchanged(const DirectoryState& state) const {
  return state.listed &&
         parts_.clock.wall_ns() - state.listed_ns < kBelieved * ns(parts_.ttls.listing());
}

void DirectoryLoader::ask(EntryId directory, const DirectoryState& state, Manner manner) {
  auto url = parts_.urls.directory(directory);
  if (!url) return flights_.complete(directory, fail(std::move(url.error())));
  ListRequest request{std::move(*url), {}};
  request.past_caches = manner.in_full;
  request.patient = manner.patient;
  if (!manner.in_full && may_be_unchanged(state)) request.known = state.validator;
  auto finished = [this, directory](Result<ListingReply> reply) {
    parts_.pool.run([this, directory, reply = std::move(reply)]() mutable {
      finish(directory, std::move(reply));
    });
  };
  flights_.submit(directory, [this, request = std::move(request), finished](TicketId ticket) {
    ListRequest now = request;
    now.deadline = parts_.clock.now() + parts_.options.timeout;
    parts_.uplink.list(std::move(now), [this, ticket, finished](Result<ListingReply> reply) {
      parts_.uplink.note_answer();
      parts_.queue.release(ticket);
      finished(std::move(reply));
    });
  });
}

void DirectoryLoader::finish(EntryId directory, Result<ListingReply> reply) {
  Result<> stored = reply ? store(directory, *reply) : Result<>(fail(std::move(reply.error())));
  if (!stored) keep_what_is_there(directory, stored.error());
  flights_.complete(directory, stored);
}

Result<> DirectoryLoader::keep(EntryId directory, std::int64_t fresh_until) {
  if (auto r = parts_.cache.set_fresh_until(directory, fresh_until); !r) return r;
  failures_.forget(directory);
  parts_.changes.listing_kept(directory, fresh_until);
  return {};
}

Result<> DirectoryLoader::store(EntryId directory, const ListingReply& reply) {
  const std::int64_t fresh_until = parts_.clock.wall_ns() + ns(ttl_of(reply));
  if (reply.unchanged) return keep(directory, fresh_until);
  auto listing = parse_listing({reply.body, reply.content_type, reply.base});
  if (!listing) return fail(with_context(std::move(listing.error()), reply.base.str()));
  if (listing->refused > 0) {
    log::warn("engine: {}: {} names that no file system can hold were left out", reply.base.str(),
              listing->refused);
  }
  auto diff = parts_.cache.store_listing(directory, listing->entries, fresh_until, reply.validator);
  if (!diff) return fail(std::move(diff.error()));
  failures_.forget(directory);
  parts_.changes.listing_stored(directory, *diff, fresh_until);
  return {};
}

// What the origin states counts within bounds: neither may a server make us ask
// at every look, nor never again.
Duration DirectoryLoader::ttl_of(const ListingReply& reply) const {
  const Duration ttl = parts_.ttls.listing();
  return std::clamp(reply.max_age.value_or(ttl), ttl / 10, ttl * kBelieved);
}

void DirectoryLoader::keep_what_is_there(EntryId directory, const Error& error) {
  if (error.code == Errc::cancelled) return;
  const auto state = parts_.cache.catalog().directory(directory);
  if (!state || !state->listed) {
    if (is_lasting(error.code)) failures_.remember(directory, error);
    return;
  }
  log::warn("engine: a listing could not be refreshed, the old one is kept: {}", error.message);
  const std::int64_t again = parts_.clock.wall_ns() + ns(parts_.options.retry_ttl);
  if (auto r = parts_.cache.set_fresh_until(directory, again); !r) {
    failures_.remember(directory, error);  // so that it is not asked for at every look
  }
  parts_.changes.listing_kept(directory, again);
}

}  // namespace lazymirror
