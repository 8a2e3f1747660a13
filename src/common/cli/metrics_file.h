// SPDX-License-Identifier: Apache-2.0
//
// Metrics written to a file, as node_exporter reads them, now and again: whole
// or not at all.
//
// A watch's worker may not write where root may. So one small process more is
// started before the worker gives up its privileges (Scribe), which puts what it
// is sent into that one file and ends when nobody can send any more.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::cli {

inline constexpr Duration kMetricsInterval{15'000};

// Writes beside `path` and renames.
Result<> replace_file(const std::string& path, const std::string& text);

class Scribe {
 public:
  // Forks. REQUIRES: this process has one thread.
  [[nodiscard]] static Result<Scribe> start(const std::string& path);

  // To be kept open by who sends, and by nobody else longer than that.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // To the process behind the descriptor of a Scribe, whoever started it. Never
  // blocks; what it cannot take is left out.
  static void send(int fd, const std::string& text);

 private:
  explicit Scribe(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// Calls `write` at once, every `interval`, and when it ends, on a thread of its
// own.
class MetricsTimer {
 public:
  MetricsTimer(Duration interval, std::function<void()> write);
  ~MetricsTimer();
  MetricsTimer(const MetricsTimer&) = delete;
  MetricsTimer& operator=(const MetricsTimer&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::cli
