// SPDX-License-Identifier: Apache-2.0
//
// The origin: one HTTP tree. Three questions can be asked of it: the listing
// of a directory, what a URL is (a probe), and a range of a file. Every answer
// has been checked before the caller sees it: status, Content-Range start and
// total, content coding and validators (RFC 9110 sections 8.8, 13, 14); see
// docs/semantics.md. Retries with backoff and jitter, Retry-After, redirects
// and the low-speed limit happen in here, bounded by the request's deadline.
//
// A transfer fails at once where trying again cannot help (4xx, an unusable
// answer, another version), otherwise after the configured retries in a row
// without progress, or when the next one would come too late.
//
// Threads: start and cancel functions may be called from any thread and never
// block. Completions and sinks are called on the origin's one network thread:
// they must be short; long work goes to a WorkerPool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/byte_range.h"
#include "base/clock.h"
#include "base/crew.h"
#include "base/listed_entry.h"
#include "base/request_context.h"
#include "base/result.h"
#include "base/unique_function.h"
#include "base/url.h"
#include "base/version.h"

namespace lazymirror {

using TransferId = std::uint64_t;  // never 0, never reused

struct ListRequest {
  Url directory;
  SteadyTime deadline;
  ListingValidator known{};  // of the listing at hand, for an origin that can say "unchanged"
  bool past_caches = false;  // those on the way are to ask the origin as well
  bool patient = false;      // see RangeRequest
};

struct ListingReply {
  std::string body;
  std::string content_type;
  Url base;                         // after redirects, path ends in '/'
  std::optional<Duration> max_age;  // Cache-Control or Expires, less the answer's Age; if stated
  ListingValidator validator{};
  bool unchanged = false;  // the known one still holds: there is no body
};

// What a URL is, by HEAD, or by a one-byte range where HEAD is refused or
// states no length.
struct ProbeReply {
  bool is_directory = false;  // the server redirected name -> name/
  Version version;            // of a file
};

// Receives one range. Calls come in order: on_start once, on_bytes any number
// of times with consecutive offsets, on_end exactly once (also without
// on_start, when nothing usable arrived).
class RangeSink {
 public:
  virtual ~RangeSink() = default;
  // The answer's head is good: bytes of `version` will follow, from
  // `range.begin`. The range is the one asked for or, from a server without
  // ranges, the whole file. An error ends the transfer with that error.
  virtual Result<> on_start(const Version& version, ByteRange range) = 0;
  virtual Result<> on_bytes(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  // Before an end with Errc::changed: what the answer was of, if it said so. It
  // may lack the validator that was expected.
  virtual void on_other_version(const Version& /*seen*/) {}
  virtual void on_end(Result<> result) = 0;
  // Somebody waits for these bytes now. Where bandwidth is limited, what nobody
  // waits for stands back.
  [[nodiscard]] virtual bool is_urgent() const { return true; }
};

struct RangeRequest {
  Url url;
  ByteRange range;  // not empty
  // What the cache holds or expects. With a validator, an answer of any other
  // version ends in Errc::changed. Without one (`expected` has only a size or
  // is absent) the first answer decides, but a differing size is Errc::changed.
  // A part of a file whose answer carries no usable validator (none at all, or
  // one younger than two seconds) ends in Errc::no_ranges: such a file is to be
  // asked for with whole_file, so that all its bytes come in one response.
  std::optional<Version> expected;
  bool whole_file = false;  // ask for all in one response, without Range
  // The first byte must have come by then. From then on the time that was left
  // at the start is what the transfer may spend without any progress: a long
  // download over a slow line ends in Errc::timeout only when it stands still.
  SteadyTime deadline;
  // While nobody can be reached (no name, no route, no connection), go on trying
  // until the deadline, every other second; otherwise the retries are counted then, too.
  bool patient = false;
};

// For status pages and messages.
struct OriginHealth {
  unsigned consecutive_failures = 0;  // transfers without an answer since the last one with one
  std::string last_error;             // empty if there was none yet
  bool http2 = false;                 // seen in use
};

class Origin {
 public:
  virtual ~Origin() = default;

  virtual TransferId list(ListRequest request, Completion<ListingReply> done) = 0;
  virtual TransferId probe(const Url& url, SteadyTime deadline, Completion<ProbeReply> done) = 0;
  virtual TransferId read(RangeRequest request, std::shared_ptr<RangeSink> sink) = 0;

  // Ends the transfer with Errc::cancelled (reported as usual). No effect on
  // one that has ended.
  virtual void cancel(TransferId id) = 0;

  // How many transfers may usefully be under way at once: the connection limit
  // for HTTP/1.1, the stream limit once the origin has shown HTTP/2, and less
  // for a while after it has refused requests (429, 503).
  [[nodiscard]] virtual unsigned capacity() const = 0;

  // False while the origin is known to answer ranges with whole files. read()
  // then asks for the whole file, whatever the request's range is.
  [[nodiscard]] virtual bool ranges_supported() const { return true; }

  [[nodiscard]] virtual OriginHealth health() const { return {}; }

  // Its network thread, if it has one. REQUIRES: not used after the origin.
  [[nodiscard]] virtual std::optional<Lane> lane() { return std::nullopt; }

  // Nobody is asked any more: what is under way ends, and what comes fails, with
  // Errc::unreachable at once. Until set_offline(false).
  virtual void set_offline(bool) {}

  // Whether nobody could be reached when it was last tried.
  [[nodiscard]] virtual bool is_away() const { return false; }

  // From the next attempt on. "URL[,URL...]", "direct" being one without a proxy; of several
  // the first that can be reached. Empty: as the environment says. Errc::invalid.
  virtual Result<> set_proxy(const std::string&) { return {}; }

  // From now on, of all transfers together; bytes a second, 0: no limit.
  virtual void set_bandwidth_limit(std::uint64_t) {}
};

}  // namespace lazymirror
