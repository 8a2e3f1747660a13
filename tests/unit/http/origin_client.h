// SPDX-License-Identifier: Apache-2.0
//
// Blocking calls on an Origin for tests: each waits for the answer with a
// deadline of its own. Every byte that arrives is compared with the oracle.
#pragma once

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/curl_origin.h"
#include "support/oracle_origin.h"

namespace lazymirror::testing {

// Collects what comes and checks it against version `truth` of `path`, and that
// the calls come in the promised order.
class CheckingSink final : public RangeSink {
 public:
  CheckingSink(std::string path, std::uint64_t truth) : path_(std::move(path)), truth_(truth) {}

  Result<> on_start(const Version& version, ByteRange range) override;
  Result<> on_bytes(std::uint64_t offset, std::span<const std::byte> bytes) override;
  void on_other_version(const Version& seen) override { other_version = seen; }
  void on_end(Result<> result) override;

  // What on_start or on_bytes are to answer instead of taking it.
  void refuse_start(Errc code) { refuse_start_ = code; }
  void refuse_bytes(Errc code) { refuse_bytes_ = code; }

  // Both give up after two minutes, with Errc::internal or false.
  Result<> wait_for_end();
  bool wait_for_bytes(std::uint64_t count);
  [[nodiscard]] bool has_ended();

  // To be read after the end.
  std::optional<Version> version, other_version;
  ByteRange range;
  std::uint64_t received = 0;
  unsigned starts = 0, ends = 0;
  std::vector<std::string> wrong;  // broken promises and wrong bytes; to be empty

 private:
  const std::string path_;
  const std::uint64_t truth_;
  std::optional<Errc> refuse_start_, refuse_bytes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<>> result_;
};

struct ReadOutcome {
  Result<> result;
  std::shared_ptr<CheckingSink> sink;
};

class OriginClient {
 public:
  // Options fit for tests: short waits and few retries, but as much patience with a
  // silent server as a busy machine may need.
  static OriginOptions options(const std::string& base);

  explicit OriginClient(OriginOptions options);
  explicit OriginClient(const std::string& base) : OriginClient(options(base)) {}

  [[nodiscard]] Url url(const std::string& path) const;
  [[nodiscard]] Origin& origin() { return *origin_; }
  void close() { origin_.reset(); }

  Result<ListingReply> list(const std::string& path, Duration limit = kLimit,
                            ListRequest request = {Url::parse("http://unset/").value(), {}});
  Result<ProbeReply> probe(const std::string& path, Duration limit = kLimit);

  // A request for `range` of `path` ("/a", as in the oracle's tree).
  [[nodiscard]] RangeRequest request(const std::string& path, ByteRange range,
                                     Duration limit = kLimit) const;
  std::shared_ptr<CheckingSink> start(RangeRequest request, std::uint64_t truth = 1);
  ReadOutcome read(RangeRequest request, std::uint64_t truth = 1);
  ReadOutcome read(const std::string& path, ByteRange range, std::uint64_t truth = 1) {
    return read(request(path, range), truth);
  }
  TransferId last_id = 0;

  static constexpr Duration kLimit{15'000};

 private:
  Url base_;
  std::unique_ptr<Origin> origin_;
};

// What a test asks of a read that was to succeed, in one sentence if it did not.
[[nodiscard]] std::string fault_of(const ReadOutcome& outcome, ByteRange range);

// The value of a header as the origin received it, empty if it did not.
[[nodiscard]] std::string sent_header(const OracleRequest& request, const std::string& name);

[[nodiscard]] Errc code_of(const ReadOutcome& outcome);
template <typename T>
[[nodiscard]] Errc code_of(const Result<T>& result) {
  return result ? Errc::internal : result.error().code;
}

}  // namespace lazymirror::testing
