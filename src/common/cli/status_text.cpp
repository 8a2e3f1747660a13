// SPDX-License-Identifier: Apache-2.0
#include "cli/status_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/units.h"
#include "cli/job_message.h"
#include "cli/progress_bar.h"

namespace lazymirror::cli {
namespace {

using control::Message;

constexpr std::size_t kLabel = 14;

std::uint64_t number(const Message& message, std::string_view key) {
  const auto value = control::number_of(message, key);
  return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
}

std::string text(const Message& message, std::string_view key) {
  return printable(control::text_of(message, key).value_or(std::string()));
}

bool is_set(const Message& message, std::string_view key) {
  return control::flag_of(message, key, false).value_or(false);
}

std::string path(const Message& message, std::string_view key) {
  const auto encoded = control::text_of(message, key);
  if (!encoded) return {};
  return printable(control::decode_path(*encoded).value_or(*encoded));
}

std::string size(const Message& message, std::string_view key) {
  return format_size(number(message, key));
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  std::array<char, 16> out{};
  const double share =
      whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  // Never "100" for what is not all of it.
  std::snprintf(out.data(), out.size(), "%.0f %%", part < whole ? std::min(share, 99.0) : share);
  return out.data();
}

std::string count(std::uint64_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

std::string duration(std::int64_t seconds) {
  const std::int64_t shown = seconds > 86'400 ? seconds - seconds % 3'600
                             : seconds > 600  ? seconds - seconds % 60
                                              : seconds;
  return format_duration(Duration(std::max<std::int64_t>(shown, 0) * 1'000));
}

std::string ago(std::int64_t then, std::int64_t now) { return duration(now - then) + " ago"; }

std::string date(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 64> out{};
  if (::localtime_r(&time, &parts) == nullptr) return std::to_string(seconds);
  std::strftime(out.data(), out.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return out.data();
}

std::string line(std::string_view label, const std::string& words) {
  std::string out = "  " + std::string(label);
  out.resize(std::max(out.size() + 1, kLabel), ' ');
  return out + words + "\n";
}

// --- status ---

std::string shown_line(const Message& status) {
  std::string places;
  if (const auto* list = control::list_of(status, "shown_at")) {
    for (const control::Value& place : *list) {
      const auto* encoded = std::get_if<std::string>(&place.data);
      if (encoded == nullptr) continue;
      places += (places.empty() ? "" : " and ") +
                printable(control::decode_path(*encoded).value_or(*encoded));
    }
  }
  const std::string mechanism = text(status, "mechanism"), reason = text(status, "reason");
  return line("shown at", places) +
         line("mode", text(status, "mode") + (mechanism.empty() ? "" : ", " + mechanism) +
                          (reason.empty() ? "" : ": " + reason));
}

std::string daemon_line(const Message& status, std::int64_t now) {
  const auto pid = number(status, "pid"), worker = number(status, "worker_pid");
  const auto started = static_cast<std::int64_t>(number(status, "started"));
  return line("daemon",
              "process " + std::to_string(pid) +
                  (worker != 0 && worker != pid ? ", its worker " + std::to_string(worker) : "") +
                  (started != 0 ? ", since " + duration(now - started) : ""));
}

std::string origin_line(const Message& origin, std::int64_t now) {
  const auto answer = number(origin, "last_answer"),
             failures = number(origin, "consecutive_failures");
  std::string words = text(origin, "state");
  if (failures > 0) words += ", " + count(failures, "request", "requests") + " without an answer";
  if (answer != 0) words += ", last answer " + ago(static_cast<std::int64_t>(answer), now);
  if (is_set(origin, "http2")) words += ", HTTP/2";
  return line("origin", words);
}

std::string traffic_line(const Message& origin) {
  std::uint64_t all = 0, failed = 0;
  for (const char* kind : {"listings", "probes", "reads"}) {
    if (const Message* counts = control::object_of(origin, kind)) {
      all += number(*counts, "started");
      failed += number(*counts, "failed");
    }
  }
  return line("fetched",
              size(origin, "bytes_received") + " in " + count(all, "request", "requests") + ", " +
                  std::to_string(failed) + " failed; " + std::to_string(number(origin, "running")) +
                  " under way, " + std::to_string(number(origin, "waiting")) + " waiting");
}

std::string storage_lines(const Message& status) {
  const Message* storage = control::object_of(status, "storage");
  if (storage == nullptr) return {};
  std::string cached = size(*storage, "stored") + " of " + size(status, "files_bytes") + " in " +
                       count(number(status, "files"), "file", "files") + "; " +
                       count(number(status, "entries"), "name", "names") + " known";
  std::string room = "may hold " + size(*storage, "limit") + "; " + size(*storage, "available") +
                     " free there, " + size(*storage, "min_free") + " to be left";
  if (number(*storage, "pinned") > 0) room += "; " + size(*storage, "pinned") + " pinned";
  if (const auto evicted = number(*storage, "evicted_files"); evicted > 0) {
    room += "; " + count(evicted, "file", "files") + " evicted";
  }
  if (const auto refused = number(*storage, "refused"); refused > 0) {
    room += "; no room for " + count(refused, "request", "requests");
  }
  return line("cached", cached) + line("storage", room);
}

std::string reads_line(const Message& status) {
  const auto hits = number(status, "hits"), all = hits + number(status, "misses");
  if (all == 0) return {};
  return line("reads", percent(hits, all) + " from the cache (" + std::to_string(hits) + " of " +
                           std::to_string(all) + " that reached the daemon)");
}

// "fetch -r a, b and 3 more"
std::string job_words(const Message& job) {
  std::string out = text(job, "job") + (is_set(job, "recursive") ? " -r " : " ");
  std::uint64_t shown = 0;
  if (const auto* paths = control::list_of(job, "paths")) {
    for (const control::Value& one : *paths) {
      const auto* encoded = std::get_if<std::string>(&one.data);
      if (encoded == nullptr) continue;
      out += (shown++ > 0 ? ", /" : "/") +
             printable(control::decode_path(*encoded).value_or(*encoded));
    }
  }
  const auto all = number(job, "paths_in_all");
  return all > shown ? out + " and " + std::to_string(all - shown) + " more" : out;
}

std::string job_lines(const Message& status) {
  constexpr std::size_t kColumns = 100;
  const auto* list = control::list_of(status, "jobs");
  if (list == nullptr || list->empty()) return {};
  std::string out = "  jobs\n";
  for (const control::Value& value : *list) {
    const auto* job = std::get_if<Message>(&value.data);
    if (job == nullptr) continue;
    out +=
        "    " + job_words(*job) + "\n      " + progress_line(progress_of(*job), kColumns) + "\n";
  }
  return out;
}

std::string transfer_lines(const Message& status) {
  const auto* list = control::list_of(status, "transfers");
  if (list == nullptr || list->empty()) return {};
  std::string out = "  transfers\n";
  for (const control::Value& value : *list) {
    const auto* transfer = std::get_if<Message>(&value.data);
    if (transfer == nullptr) continue;
    const auto whole = number(*transfer, "end") - number(*transfer, "begin");
    out += "    " + percent(number(*transfer, "received"), whole) + " of " + format_size(whole) +
           "  " + size(*transfer, "bytes_per_second") + "/s  /" + path(*transfer, "path") + "\n";
  }
  return out;
}

std::string error_lines(const Message& status, std::int64_t now) {
  const auto* list = control::list_of(status, "errors");
  if (list == nullptr || list->empty()) return {};
  std::string out = "  last errors\n";
  for (const control::Value& value : *list) {
    const auto* error = std::get_if<Message>(&value.data);
    if (error == nullptr) continue;
    const auto when = static_cast<std::int64_t>(number(*error, "time"));
    out += "    " + ago(when, now) + "  " + text(*error, "error") + "\n";
  }
  return out;
}

// --- names ---

std::string state_words(const Message& name) {
  std::string out = text(name, "state");
  if (out == "partial") {
    out += " " + percent(number(name, "cached_bytes"), number(name, "size"));
  }
  if (is_set(name, "pinned")) out += ", pinned";
  if (is_set(name, "stale")) out += ", stale";
  return out;
}

std::string padded(std::string text, std::size_t width, bool to_the_right) {
  const std::size_t missing = width - std::min(width, text.size());
  return to_the_right ? std::string(missing, ' ') + text : text + std::string(missing, ' ');
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return out;
}

std::string status_page(const Message& status, std::int64_t now) {
  std::string out = text(status, "url") + "\n" + shown_line(status) +
                    line("cache", path(status, "cache")) + daemon_line(status, now);
  if (const Message* origin = control::object_of(status, "origin")) {
    out += origin_line(*origin, now) + traffic_line(*origin);
  }
  return out + storage_lines(status) + reads_line(status) + job_lines(status) +
         transfer_lines(status) + error_lines(status, now);
}

std::string name_line(const Message& name) {
  const bool directory = text(name, "kind") == "directory";
  const std::string bytes = directory || !name.contains("size") ? "-" : size(name, "size");
  return padded(state_words(name), 18, false) + " " + padded(bytes, 10, true) + "  " +
         path(name, "name") + (directory ? "/" : "") + "\n";
}

std::string info_page(const Message& info, std::int64_t now) {
  std::string out =
      path(info, "name") + "\n" + line("url", text(info, "url")) + line("state", state_words(info));
  if (info.contains("size")) {
    out += line("size", std::to_string(number(info, "size")) + " bytes (" + size(info, "size") +
                            "), " + size(info, "cached_bytes") + " cached");
  }
  const auto add_date = [&](const char* key, const char* label) {
    const auto when = static_cast<std::int64_t>(number(info, key));
    if (when != 0) out += line(label, date(when));
  };
  add_date("mtime", "modified");
  if (info.contains("etag")) out += line("etag", text(info, "etag"));
  add_date("last_modified", "of the server");
  if (info.contains("generation")) {
    out += line("generation", std::to_string(number(info, "generation")));
    out +=
        line("chunks", std::to_string(number(info, "chunks")) + " of " + size(info, "chunk_size"));
  }
  add_date("listed", "listed");
  add_date("used", "last used");
  if (const auto until = static_cast<std::int64_t>(number(info, "fresh_until")); until != 0) {
    out += line("listing", until > now ? "fresh for " + duration(until - now)
                                       : "stale since " + duration(now - until));
  }
  return out;
}

}  // namespace lazymirror::cli
