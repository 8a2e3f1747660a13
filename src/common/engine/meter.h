// SPDX-License-Identifier: Apache-2.0
//
// Counts what goes over the uplink: requests by kind and end, bytes, what is
// under way, what went wrong last.
//
// Threads: safe from any thread. A request costs a lock at its begin and its
// end, bytes cost an addition.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"
#include "engine/report.h"
#include "http/origin.h"

namespace lazymirror {

class Meter {
 public:
  enum class Kind { listing, probe, read };

  // `root`: what the URLs of requests begin with.
  Meter(const Url& root, const Clock& clock) : root_(root.as_directory().str()), clock_(clock) {}

  void started(Kind kind) { ++of(kind).started; }
  // `error`: null for an answer.
  void ended(Kind kind, const Url& url, const Error* error);

  // The sink to give to the origin instead; it counts, and hands on.
  [[nodiscard]] std::shared_ptr<RangeSink> count(const RangeRequest& request,
                                                 std::shared_ptr<RangeSink> sink);

  void report(OriginReport& out) const;

 private:
  class Sink;
  struct Counts {
    std::atomic<std::uint64_t> started{0}, succeeded{0}, failed{0}, cancelled{0};
  };
  struct Transfer {
    std::string path;
    ByteRange range;
    SteadyTime begin;
    std::atomic<std::uint64_t> received{0};
  };
  using TransferPtr = std::shared_ptr<Transfer>;
  static constexpr std::size_t kErrors = 16, kTransfers = 32;

  [[nodiscard]] Counts& of(Kind kind) { return counts_[static_cast<int>(kind)]; }
  [[nodiscard]] RequestCounts counted(Kind kind) const;
  [[nodiscard]] std::string path_of(const Url& url) const;

  const std::string root_;
  const Clock& clock_;
  Counts counts_[3];
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::int64_t> answered_ns_{0};
  std::atomic<std::uint64_t> next_{1};
  Guarded<std::map<std::uint64_t, TransferPtr>> transfers_;
  Guarded<std::deque<PastError>> errors_;
};

}  // namespace lazymirror
