// SPDX-License-Identifier: Apache-2.0
#include "cli/log_setup.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace lazymirror::cli {
namespace {

void install(std::vector<spdlog::sink_ptr> sinks, const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>("lazymirror", sinks.begin(), sinks.end());
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace

void log_to_stderr(const std::string& level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
  install({std::move(sink)}, level);
}

std::function<void()> log_to_syslog(const std::string& level) {
  auto journal =
      std::make_shared<spdlog::sinks::syslog_sink_mt>("lazymirror", LOG_PID, LOG_DAEMON, true);
  journal->set_pattern("%v");  // syslog adds time, level and name
  auto terminal = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  terminal->set_pattern("lazymirror: %l: %v");
  terminal->set_level(spdlog::level::warn);
  install({journal, terminal}, level);
  return [terminal] { terminal->set_level(spdlog::level::off); };
}

}  // namespace lazymirror::cli
