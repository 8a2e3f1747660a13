// SPDX-License-Identifier: Apache-2.0
#include "unit/http/origin_client.h"

#include <gtest/gtest.h>

#include "http/header_values.h"

namespace lazymirror::testing {
namespace {

constexpr std::chrono::seconds kPatience{120};

template <typename T>
Result<T> await(std::future<Result<T>>& future) {
  if (future.wait_for(kPatience) != std::future_status::ready) {
    return fail(Errc::internal, "the test's patience ended");
  }
  return future.get();
}

}  // namespace

Result<> CheckingSink::on_start(const Version& seen, ByteRange announced) {
  const std::lock_guard lock(mutex_);
  if (++starts > 1) wrong.emplace_back("on_start came twice");
  version = seen;
  range = announced;
  if (refuse_start_) return fail(*refuse_start_, "refused by the sink");
  return {};
}

Result<> CheckingSink::on_bytes(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  if (starts == 0) wrong.emplace_back("bytes before on_start");
  if (offset != range.begin + received) wrong.push_back("a gap at " + std::to_string(offset));
  if (offset + bytes.size() > range.end) wrong.emplace_back("bytes beyond the range");
  if (bytes.empty()) wrong.emplace_back("no bytes");
  if (const auto at = oracle_mismatch(path_, truth_, offset, bytes)) {
    wrong.push_back("a wrong byte at " + std::to_string(offset + *at));
  }
  received += bytes.size();
  changed_.notify_all();
  if (refuse_bytes_) return fail(*refuse_bytes_, "refused by the sink");
  return {};
}

void CheckingSink::on_end(Result<> result) {
  const std::lock_guard lock(mutex_);
  if (++ends > 1) wrong.emplace_back("on_end came twice");
  result_ = std::move(result);
  changed_.notify_all();
}

Result<> CheckingSink::wait_for_end() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [&] { return result_.has_value(); })) {
    return fail(Errc::internal, "the test's patience ended");
  }
  return *result_;
}

bool CheckingSink::has_ended() {
  const std::lock_guard lock(mutex_);
  return result_.has_value();
}

bool CheckingSink::wait_for_bytes(std::uint64_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return received >= count; });
}

OriginOptions OriginClient::options(const std::string& base) {
  OriginOptions options{.base = *Url::parse(base)};
  options.user_agent = "lazymirror-test";
  options.retry_delay = Duration{5};
  options.retries = 3;
  options.low_speed_time = Duration{30'000};
  return options;
}

OriginClient::OriginClient(OriginOptions options) : base_(options.base) {
  auto made = make_curl_origin(std::move(options));
  if (!made) throw std::runtime_error(made.error().message);
  origin_ = std::move(*made);
}

Url OriginClient::url(const std::string& path) const { return *base_.resolve(path); }

Result<ListingReply> OriginClient::list(const std::string& path, Duration limit,
                                        ListRequest request) {
  std::promise<Result<ListingReply>> promise;
  auto future = promise.get_future();
  request.directory = url(path);
  request.deadline = std::chrono::steady_clock::now() + limit;
  last_id = origin_->list(std::move(request),
                          [p = std::move(promise)](auto r) mutable { p.set_value(std::move(r)); });
  return await(future);
}

Result<ProbeReply> OriginClient::probe(const std::string& path, Duration limit) {
  std::promise<Result<ProbeReply>> promise;
  auto future = promise.get_future();
  last_id = origin_->probe(url(path), std::chrono::steady_clock::now() + limit,
                           [p = std::move(promise)](auto r) mutable { p.set_value(std::move(r)); });
  return await(future);
}

RangeRequest OriginClient::request(const std::string& path, ByteRange range, Duration limit) const {
  return {url(path), range, std::nullopt, false, std::chrono::steady_clock::now() + limit};
}

std::shared_ptr<CheckingSink> OriginClient::start(RangeRequest request, std::uint64_t truth) {
  auto sink = std::make_shared<CheckingSink>(request.url.path(), truth);
  last_id = origin_->read(std::move(request), sink);
  return sink;
}

ReadOutcome OriginClient::read(RangeRequest request, std::uint64_t truth) {
  auto sink = start(std::move(request), truth);
  Result<> result = sink->wait_for_end();
  return {std::move(result), std::move(sink)};
}

std::string fault_of(const ReadOutcome& outcome, ByteRange range) {
  if (!outcome.result) return outcome.result.error().message;
  if (!outcome.sink->wrong.empty()) return outcome.sink->wrong.front();
  if (outcome.sink->range != range) return "another range was announced";
  if (outcome.sink->received != range.size()) {
    return "only " + std::to_string(outcome.sink->received) + " bytes came";
  }
  return {};
}

std::string sent_header(const OracleRequest& request, const std::string& name) {
  for (const std::string& line : request.headers) {
    const auto colon = line.find(':');
    if (colon != line.npos && iequals(line.substr(0, colon), name)) {
      return std::string(without_ows(std::string_view(line).substr(colon + 1)));
    }
  }
  return {};
}

Errc code_of(const ReadOutcome& outcome) {
  if (!outcome.sink->wrong.empty()) ADD_FAILURE() << outcome.sink->wrong.front();
  return code_of(outcome.result);
}

}  // namespace lazymirror::testing
