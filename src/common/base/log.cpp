// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/spdlog.h>

namespace lazymirror::log {
namespace {

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void write(Level level, fmt::string_view format, fmt::format_args values) {
  if (!spdlog::should_log(level_of(level))) return;
  spdlog::log(level_of(level), spdlog::string_view_t(fmt::vformat(format, values)));
}

}  // namespace lazymirror::log
