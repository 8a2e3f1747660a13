// SPDX-License-Identifier: Apache-2.0
//
// The engine's hold on its Origin, which may be asked from any thread up to the
// moment it is closed, and by nobody after. What is asked later ends at once
// with Errc::cancelled.
//
// Threads: safe from any thread; close() from one that the origin does not own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/meter.h"
#include "fetch/transfer_queue.h"
#include "http/origin.h"

namespace lazymirror {

class Uplink {
 public:
  // Queue and meter outlive the uplink.
  Uplink(std::unique_ptr<Origin> origin, TransferQueue& queue, Meter& meter);
  ~Uplink();
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;

  void list(ListRequest request, Completion<ListingReply> done);
  void probe(const Url& url, SteadyTime deadline, Completion<ProbeReply> done);
  void read(RangeRequest request, std::shared_ptr<RangeSink> sink);

  // As Engine's.
  void set_offline(bool offline);
  [[nodiscard]] bool is_offline() const { return offline_; }
  Result<> set_proxy(const std::string& list);
  void set_bandwidth_limit(std::uint64_t bytes_per_second);
  // Offline, or nobody could be reached when it was last tried: not worth waiting
  // for where something else will do.
  [[nodiscard]] bool is_away();

  [[nodiscard]] bool ranges_supported();
  [[nodiscard]] OriginHealth health();
  // An answer came: the origin may have shown how much it can take at once.
  void note_answer();

  // The origin's, if it has one. REQUIRES: not used after the uplink.
  [[nodiscard]] std::optional<Lane> lane();

  // Ends every transfer and the origin's thread; every completion has been
  // called when it returns.
  void close();

 private:
  // Whoever holds one may use the origin; close() waits for it.
  class Use;

  // What is counted before it is handed on.
  template <typename Reply>
  Completion<Reply> counted(Meter::Kind kind, const Url& url, Completion<Reply> done);

  TransferQueue& queue_;
  std::atomic<bool> offline_{false};
  Meter& meter_;
  std::mutex mutex_;
  std::condition_variable unused_;
  unsigned uses_ = 0;
  bool closed_ = false;
  std::unique_ptr<Origin> origin_;  // changed only by close(), when nobody uses it
};

}  // namespace lazymirror
