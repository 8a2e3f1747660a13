// SPDX-License-Identifier: Apache-2.0
#include "cli/job_message.h"

#include <algorithm>
#include <array>

namespace lazymirror::cli {
namespace {

using control::List;
using control::Message;

struct Number {
  std::string_view key;
  std::uint64_t JobProgress::*field;
};
constexpr std::array kNumbers = {
    Number{"directories", &JobProgress::directories},
    Number{"files", &JobProgress::files},
    Number{"bytes", &JobProgress::bytes},
    Number{"files_done", &JobProgress::files_done},
    Number{"bytes_done", &JobProgress::bytes_done},
    Number{"bytes_present", &JobProgress::bytes_present},
    Number{"failed", &JobProgress::failed},
    Number{"found", &JobProgress::found},
    Number{"compared", &JobProgress::compared},
    Number{"per_second", &JobProgress::per_second},
};

Result<JobKind> kind_of(const Message& message) {
  const auto name = control::text_of(message, "command");
  if (!name) return fail(name.error());
  for (const JobKind kind : {JobKind::refresh, JobKind::verify, JobKind::pin}) {
    if (job_name(kind) == *name) return kind;
  }
  if (*name != job_name(JobKind::fetch)) return fail(Errc::invalid, "no such job: " + *name);
  const auto metadata = control::flag_of(message, "metadata", false);
  if (!metadata) return fail(metadata.error());
  return *metadata ? JobKind::metadata : JobKind::fetch;
}

Result<std::string> path_of(const control::Value& value) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return fail(Errc::invalid, "a path in 'paths' is no text");
  return control::decode_path(*text);
}

}  // namespace

Message job_message(const JobRequest& request) {
  List paths;
  for (const std::string& path : request.paths) paths.emplace_back(control::encode_path(path));
  const bool metadata = request.kind == JobKind::metadata;
  return {{"command", job_name(metadata ? JobKind::fetch : request.kind)},
          {"metadata", metadata},
          {"recursive", request.recursive},
          {"paths", std::move(paths)}};
}

Result<JobRequest> job_of(const Message& message) {
  const auto kind = kind_of(message);
  if (!kind) return fail(kind.error());
  const auto recursive = control::flag_of(message, "recursive", false);
  if (!recursive) return fail(recursive.error());
  const List* paths = control::list_of(message, "paths");
  if (paths == nullptr || paths->empty()) return fail(Errc::invalid, "'paths' is missing");
  const bool whole = *kind == JobKind::pin;  // who pins a directory means all of it
  JobRequest out{.kind = *kind, .paths = {}, .recursive = *recursive || whole};
  for (const control::Value& value : *paths) {
    auto path = path_of(value);
    if (!path) return fail(path.error());
    out.paths.push_back(std::move(*path));
  }
  return out;
}

Message progress_message(const JobProgress& progress) {
  Message out{{"phase", phase_name(progress.phase)}};
  for (const Number& number : kNumbers) out.emplace(number.key, progress.*number.field);
  if (progress.left) out.emplace("seconds_left", progress.left->count() / 1'000);
  return out;
}

Message running_message(const Jobs::Running& job) {
  constexpr std::size_t kPaths = 8;
  Message out = progress_message(job.progress);
  List paths;
  for (std::size_t i = 0; i < std::min(job.request.paths.size(), kPaths); ++i) {
    paths.emplace_back(control::encode_path(job.request.paths[i]));
  }
  out.merge(Message{{"id", job.id},
                    {"job", job_name(job.request.kind)},
                    {"recursive", job.request.recursive},
                    {"paths", std::move(paths)},
                    {"paths_in_all", job.request.paths.size()}});
  return out;
}

JobProgress progress_of(const Message& message) {
  using Phase = JobProgress::Phase;
  JobProgress out;
  const auto phase = control::text_of(message, "phase").value_or(std::string());
  for (const Phase one : {Phase::listing, Phase::fetching, Phase::checking}) {
    if (phase_name(one) == phase) out.phase = one;
  }
  for (const Number& number : kNumbers) {
    const auto value = control::number_of(message, number.key);
    out.*number.field = value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
  }
  if (const auto left = control::number_of(message, "seconds_left"); left && *left >= 0) {
    out.left = std::chrono::seconds(*left);
  }
  return out;
}

Message finding_message(const JobFinding& finding) {
  return {{"finding", finding_name(finding.kind)},
          {"path", control::encode_path(finding.path)},
          {"error", finding.error.message},
          {"code", errc_name(finding.error.code)}};
}

}  // namespace lazymirror::cli
