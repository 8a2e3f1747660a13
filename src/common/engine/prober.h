// SPDX-License-Identifier: Apache-2.0
//
// Finds out what a listing did not say: whether a name is a file and how large,
// by asking the origin for its head. One flight per entry; siblings that will
// be looked at next are asked for ahead (ProbeWindow).
//
// Threads: safe from any thread; the catalog is written on the pool.
#pragma once

#include "engine/parts.h"
#include "engine/probe_window.h"
#include "engine/recent_failures.h"
#include "engine/single_flight.h"

namespace lazymirror {

class Prober {
 public:
  explicit Prober(const Parts& parts);

  // The entry as it is once its kind, and a file's size, are known.
  void probe(const Entry& entry, RequestContext context, Completion<Entry> done);
  // An entry whose size came from a probe is being looked at.
  void note_use(const Entry& entry);
  // Asks again behind the scenes: a new version becomes a new generation.
  void recheck(const Entry& entry, Priority priority);
  // The same for somebody who waits, however much is known: the entry as the
  // origin has it now.
  void check(const Entry& entry, RequestContext context, Completion<Entry> done);
  // What a transfer into that generation met instead: a new one begins, also
  // where the answer merely lacks what the known version is told by.
  void supersede(EntryId id, std::uint64_t generation, const Version& seen);
  void stop() { flights_.stop(); }

 private:
  // Asks, unless another flight has found out since `entry` was read.
  void start(const Entry& entry, const Result<Url>& url);
  void ask(const Entry& entry, const Result<Url>& url);
  void look_ahead(const Entry& entry);
  void finish(const Entry& before, Result<ProbeReply> reply);
  Result<Entry> accept(const Entry& before, const Result<Entry>& now);

  const Parts& parts_;
  RecentFailures failures_;
  ProbeWindow window_;
  SingleFlight<Entry> flights_;
};

}  // namespace lazymirror
