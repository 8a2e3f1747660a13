// SPDX-License-Identifier: Apache-2.0
#include "cli/metrics.h"

#include <array>
#include <charconv>

namespace lazymirror::cli {
namespace {

using Report = EngineReport;

double number(std::uint64_t value) { return static_cast<double>(value); }

double bytes_left(const Report& report) {
  double left = 0;
  for (const Jobs::Running& job : report.jobs) {
    const JobProgress& p = job.progress;
    if (p.bytes > p.bytes_done) left += number(p.bytes - p.bytes_done);
  }
  return left;
}

// clang-format off
constexpr std::array kTable = {
    MetricSpec{"lazymirror_entries", "", false, "Names that are known",
               [](const Report& r) { return number(r.entries); }},
    MetricSpec{"lazymirror_files", "", false, "Files whose size is known",
               [](const Report& r) { return number(r.files); }},
    MetricSpec{"lazymirror_files_bytes", "", false, "Bytes of the files whose size is known",
               [](const Report& r) { return number(r.files_bytes); }},
    MetricSpec{"lazymirror_cache_limit_bytes", "", false, "Bytes that the cache may hold",
               [](const Report& r) { return number(r.storage.limit); }},
    MetricSpec{"lazymirror_cache_stored_bytes", "", false, "Bytes that it holds",
               [](const Report& r) { return number(r.storage.stored); }},
    MetricSpec{"lazymirror_cache_pinned_bytes", "", false, "Of them, those that are pinned",
               [](const Report& r) { return number(r.storage.pinned); }},
    MetricSpec{"lazymirror_cache_evicted_bytes_total", "", true, "Bytes that were evicted",
               [](const Report& r) { return number(r.storage.evicted_bytes); }},
    MetricSpec{"lazymirror_cache_refused_total", "", true,
               "Requests for which there was no room in the cache",
               [](const Report& r) { return number(r.storage.refused); }},
    MetricSpec{"lazymirror_reads_total", "result=\"hit\"", true,
               "Reads that reached the daemon, by whether their bytes were here",
               [](const Report& r) { return number(r.hits); }},
    MetricSpec{"lazymirror_reads_total", "result=\"miss\"", true, "",
               [](const Report& r) { return number(r.misses); }},
    MetricSpec{"lazymirror_fetched_bytes_total", "", true, "Bytes of files that the origin sent",
               [](const Report& r) { return number(r.origin.bytes_received); }},
    MetricSpec{"lazymirror_requests_total", "kind=\"listing\",result=\"ok\"", true,
               "Requests to the origin that have ended",
               [](const Report& r) { return number(r.origin.listings.succeeded); }},
    MetricSpec{"lazymirror_requests_total", "kind=\"listing\",result=\"failed\"", true, "",
               [](const Report& r) { return number(r.origin.listings.failed); }},
    MetricSpec{"lazymirror_requests_total", "kind=\"probe\",result=\"ok\"", true, "",
               [](const Report& r) { return number(r.origin.probes.succeeded); }},
    MetricSpec{"lazymirror_requests_total", "kind=\"probe\",result=\"failed\"", true, "",
               [](const Report& r) { return number(r.origin.probes.failed); }},
    MetricSpec{"lazymirror_requests_total", "kind=\"read\",result=\"ok\"", true, "",
               [](const Report& r) { return number(r.origin.reads.succeeded); }},
    MetricSpec{"lazymirror_requests_total", "kind=\"read\",result=\"failed\"", true, "",
               [](const Report& r) { return number(r.origin.reads.failed); }},
    MetricSpec{"lazymirror_requests_running", "", false, "Requests under way",
               [](const Report& r) { return number(r.origin.running); }},
    MetricSpec{"lazymirror_requests_waiting", "", false, "Requests that wait for their turn",
               [](const Report& r) { return number(r.origin.waiting); }},
    MetricSpec{"lazymirror_jobs_running", "", false,
               "Jobs under way (lazymirror fetch, pin, refresh, verify)",
               [](const Report& r) { return number(r.jobs.size()); }},
    MetricSpec{"lazymirror_jobs_left_bytes", "", false,
               "Bytes that jobs still have to fetch or to check, as far as is known", bytes_left},
    MetricSpec{"lazymirror_offline", "", false, "1 while nobody is asked (lazymirror offline)",
               [](const Report& r) { return r.origin.offline ? 1.0 : 0.0; }},
    MetricSpec{"lazymirror_origin_failures", "", false,
               "Requests without any answer since the last answer",
               [](const Report& r) { return number(r.origin.consecutive_failures); }},
    MetricSpec{"lazymirror_last_answer_seconds", "", false,
               "When the origin answered last, in seconds since 1970; 0: never",
               [](const Report& r) {
                 return static_cast<double>(r.origin.answered_ns.value_or(0)) / 1e9;
               }},
};
// clang-format on

std::string text_of(double value) {
  std::array<char, 64> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), error == std::errc() ? end : buffer.data()};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::span<const MetricSpec> metric_table() { return kTable; }

std::string metrics_text(const EngineReport& report, std::string_view url) {
  std::string out;
  const std::string label = "{url=\"" + escaped(url) + "\"";
  for (const MetricSpec& metric : kTable) {
    const std::string name(metric.name);
    if (!metric.help.empty()) {
      out += "# HELP " + name + " " + std::string(metric.help) + "\n";
      out += "# TYPE " + name + (metric.counts ? " counter\n" : " gauge\n");
    }
    out += name + label + (metric.label.empty() ? "" : "," + std::string(metric.label)) + "} " +
           text_of(metric.value(report)) + "\n";
  }
  return out;
}

}  // namespace lazymirror::cli
