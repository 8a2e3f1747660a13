// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_bar.h"

#include <algorithm>

#include "base/units.h"

namespace lazymirror::cli {
namespace {

constexpr std::size_t kLeastBar = 10, kMostBar = 60;  // between its brackets

std::string count(std::uint64_t number, const std::string& one, const std::string& many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

std::string files(std::uint64_t number) { return count(number, "file", "files"); }

// Never "100" for what is not all of it.
std::uint64_t percent(std::uint64_t part, std::uint64_t whole) {
  if (part >= whole) return 100;
  const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return std::min<std::uint64_t>(static_cast<std::uint64_t>(share), 99);
}

std::string time_left(Duration left) {
  const auto seconds = left.count() / 1'000;
  const auto shown = seconds > 3'600 * 48 ? seconds - seconds % 3'600
                     : seconds > 600      ? seconds - seconds % 60
                                          : seconds;
  return format_duration(std::chrono::seconds(shown)) + " left";
}

std::string bar(std::uint64_t percent, std::size_t width) {
  const std::size_t full = width * percent / 100;
  std::string out(full, '=');
  if (full < width) out += '>';
  out.resize(width, ' ');
  return "[" + out + "]";
}

std::string listing_line(const JobProgress& p) {
  std::string out = "listing   " + count(p.directories, "directory", "directories") + ", " +
                    files(p.files) + ", " + format_size(p.bytes);
  if (p.per_second > 0) out += "  " + std::to_string(p.per_second) + "/s";
  return out;
}

// Behind the bar.
std::string figures(const JobProgress& p) {
  std::string out = " " + format_size(p.bytes_done) + " of " + format_size(p.bytes);
  if (p.per_second > 0) out += "  " + format_size(p.per_second) + "/s";
  if (p.left) out += "  " + time_left(*p.left);
  if (p.failed > 0) out += "  " + std::to_string(p.failed) + " failed";
  return out;
}

std::string bytes_line(const JobProgress& p, std::size_t width) {
  const std::uint64_t share = percent(p.bytes_done, p.bytes);
  std::string number = std::to_string(share);
  number.insert(0, 3 - number.size(), ' ');
  std::string name(phase_name(p.phase));
  name.resize(std::max<std::size_t>(name.size(), 8), ' ');
  const std::string left = name + " " + number + " %", right = figures(p);
  const std::size_t taken = left.size() + right.size() + 3;
  if (width < taken + kLeastBar) return left + right;
  return left + " " + bar(share, std::min(width - taken, kMostBar)) + right;
}

std::string fetched(const std::string& verb, const JobProgress& p) {
  if (p.bytes_present > 0 && p.bytes_present == p.bytes_done) {
    return verb + " " + files(p.files_done) + ", " + format_size(p.bytes_done) +
           ", all here already";
  }
  std::string out =
      verb + " " + files(p.files_done) + ", " + format_size(p.bytes_done - p.bytes_present);
  if (p.bytes_present > 0) out += "; " + format_size(p.bytes_present) + " were here already";
  return out;
}

std::string listed(const JobProgress& p) {
  return count(p.directories, "directory", "directories") + " with " + files(p.files) + ", " +
         format_size(p.bytes);
}

std::string verified(const JobProgress& p) {
  std::string out = "verified " + files(p.files_done) + ", " + format_size(p.bytes_done);
  if (p.compared > 0) out += "; " + files(p.compared) + " by published checksums";
  return out;
}

std::string done(JobKind kind, const JobProgress& p) {
  switch (kind) {
    case JobKind::fetch: return fetched("fetched", p);
    case JobKind::pin: return fetched("pinned", p);
    case JobKind::metadata: return "listed " + listed(p);
    case JobKind::refresh: return "refreshed " + listed(p);
    case JobKind::verify: break;
  }
  return verified(p);
}

}  // namespace

std::string progress_line(const JobProgress& progress, std::size_t columns) {
  const std::size_t width = std::max<std::size_t>(columns, 2) - 1;
  const bool listing = progress.phase == JobProgress::Phase::listing;
  return (listing ? listing_line(progress) : bytes_line(progress, width)).substr(0, width);
}

std::string job_summary(JobKind kind, const JobProgress& progress) {
  std::string out = done(kind, progress);
  if (progress.failed > 0) out += "; " + std::to_string(progress.failed) + " failed";
  if (progress.found > 0) out += "; " + std::to_string(progress.found) + " not as they should be";
  return out;
}

}  // namespace lazymirror::cli
