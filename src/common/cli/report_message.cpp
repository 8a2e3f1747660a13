// SPDX-License-Identifier: Apache-2.0
#include "cli/report_message.h"

#include "cli/job_message.h"

namespace lazymirror::cli {
namespace {

using control::List;
using control::Message;
using control::Value;

constexpr std::int64_t kSecond = 1'000'000'000;

Value seconds(std::int64_t ns) { return ns / kSecond; }

void add_time(Message& out, const char* key, const std::optional<std::int64_t>& ns) {
  if (ns && *ns > 0) out.emplace(key, seconds(*ns));
}

Message counts(const RequestCounts& requests) {
  return {{"started", requests.started},
          {"ok", requests.succeeded},
          {"failed", requests.failed},
          {"cancelled", requests.cancelled}};
}

const char* state_of(const OriginReport& origin) {
  if (origin.offline) return "offline";
  if (origin.consecutive_failures > 0) return "unreachable";
  return origin.answered_ns ? "online" : "not asked yet";
}

Message transfer(const TransferReport& transfer) {
  return {{"path", transfer.path},
          {"begin", transfer.begin},
          {"end", transfer.end},
          {"received", transfer.received},
          {"bytes_per_second", transfer.per_second},
          {"milliseconds", transfer.elapsed.count()}};
}

Message origin_message(const OriginReport& origin) {
  Message out{{"state", state_of(origin)},
              {"consecutive_failures", origin.consecutive_failures},
              {"http2", origin.http2},
              {"listings", counts(origin.listings)},
              {"probes", counts(origin.probes)},
              {"reads", counts(origin.reads)},
              {"bytes_received", origin.bytes_received},
              {"running", origin.running},
              {"waiting", origin.waiting}};
  add_time(out, "last_answer", origin.answered_ns);
  return out;
}

Message storage_message(const StorageUsage& storage) {
  return {{"limit", storage.limit},
          {"stored", storage.stored},
          {"promised", storage.promised},
          {"pinned", storage.pinned},
          {"min_free", storage.min_free},
          {"available", storage.available},
          {"evicted_files", storage.evicted_files},
          {"evicted_bytes", storage.evicted_bytes},
          {"admitted", storage.admitted},
          {"refused", storage.refused}};
}

}  // namespace

Message report_message(const EngineReport& report) {
  List transfers, errors, jobs;
  for (const auto& one : report.jobs) jobs.emplace_back(running_message(one));
  for (const auto& one : report.origin.transfers) transfers.emplace_back(transfer(one));
  for (const auto& one : report.origin.errors) {
    errors.emplace_back(Message{{"time", seconds(one.wall_ns)}, {"error", one.sentence}});
  }
  return {{"origin", origin_message(report.origin)},
          {"storage", storage_message(report.storage)},
          {"entries", report.entries},
          {"files", report.files},
          {"files_bytes", report.files_bytes},
          {"hits", report.hits},
          {"misses", report.misses},
          {"jobs", std::move(jobs)},
          {"transfers", std::move(transfers)},
          {"errors", std::move(errors)}};
}

Message name_message(const NameStatus& name) {
  Message out{{"name", control::encode_path(name.name)},
              {"kind", name.kind == EntryKind::directory ? "directory"
                       : name.kind == EntryKind::file    ? "file"
                                                         : "unknown"},
              {"state", name.state},
              {"stale", name.stale},
              {"pinned", name.pinned}};
  if (name.kind == EntryKind::directory) return out;
  if (name.size) out.emplace("size", *name.size);
  out.emplace("cached_bytes", name.cached_bytes);
  return out;
}

Message entry_message(const EntryReport& entry) {
  Message out = name_message(entry.status);
  out.emplace("id", entry.status.id);
  out.emplace("url", entry.url);
  add_time(out, "mtime", entry.mtime_ns);
  add_time(out, "listed", entry.listed_ns);
  add_time(out, "fresh_until", entry.fresh_until_ns);
  if (entry.status.kind == EntryKind::directory) return out;
  if (!entry.etag.empty()) out.emplace("etag", entry.etag);
  if (entry.last_modified) out.emplace("last_modified", *entry.last_modified);
  out.emplace("generation", entry.generation);
  out.emplace("chunks", entry.chunks);
  out.emplace("chunk_size", entry.chunk_size);
  return out;
}

}  // namespace lazymirror::cli
