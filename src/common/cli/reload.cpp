// SPDX-License-Identifier: Apache-2.0
#include "cli/reload.h"

#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "base/file_io.h"
#include "base/log.h"
#include "cli/tree_plan.h"
#include "config/command_line.h"
#include "config/validate.h"

namespace lazymirror::cli {
namespace {

struct Differs {
  const Options& a;
  const Options& b;
  bool operator()(std::monostate) const { return false; }
  template <typename T>
  bool operator()(T Options::*field) const {
    return a.*field != b.*field;
  }
};

struct Takes {
  Options& to;
  const Options& from;
  void operator()(std::monostate) const {}
  template <typename T>
  void operator()(T Options::*field) const {
    to.*field = from.*field;
  }
};

Result<UniqueFd> file_of(const std::string& text) {
  UniqueFd fd(::memfd_create("lazymirror", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot make a file in memory");
  if (auto r = pwrite_full(fd.get(), std::as_bytes(std::span(text)), 0); !r) return fail(r.error());
  return fd;
}

}  // namespace

void Reload::attach(Engine* engine, SetTtls more) {
  const std::lock_guard lock(mutex_);
  engine_ = engine;
  more_ = std::move(more);
}

Result<bool> Reload::apply(const OptionSpec& option, const Options& fresh) {
  if (option.name == "log-level") {
    spdlog::set_level(spdlog::level::from_str(fresh.log_level));
  } else {
    const auto applied = apply_to_engine(option.name, fresh);
    if (!applied || !*applied) return applied;
  }
  std::visit(Takes{now_, fresh}, option.field);
  return true;
}

Result<bool> Reload::apply_to_engine(std::string_view name, const Options& fresh) {
  if (engine_ == nullptr) return false;
  if (name == "proxy") {
    if (auto r = engine_->set_proxy(fresh.proxy); !r) return fail(with_context(r.error(), "proxy"));
  } else if (name == "bandwidth-limit") {
    engine_->set_bandwidth_limit(fresh.bandwidth_limit);
  } else if (name == "ttl" || name == "negative-ttl") {
    // Where nothing is believed the kernel asks in another way.
    if ((fresh.ttl == Duration{0}) != (now_.ttl == Duration{0})) return false;
    engine_->set_ttls(fresh.ttl, fresh.negative_ttl);
    if (more_) more_(fresh);
  } else if (name == "cache-size" || name == "min-free-space") {
    engine_->set_limits(storage_options(fresh));
  } else {
    return false;
  }
  return true;
}

std::string Reload::config_file() const {
  if (!now_.config_file.empty()) return now_.config_file;
  const std::string usual = default_config_file(user_);
  return ::access(usual.c_str(), F_OK) == 0 ? usual : std::string();
}

Result<Options> Reload::read(const std::string& text) const {
  std::vector<std::string> arguments = now_.command_line;
  UniqueFd file;
  if (!text.empty()) {
    auto made = file_of(text);
    if (!made) return fail(made.error());
    file = std::move(*made);
    // The last one counts.
    arguments.insert(std::ranges::find(arguments, "--"),
                     "--config=/proc/self/fd/" + std::to_string(file.get()));
  }
  auto parsed = parse_command_line(arguments, user_);
  if (!parsed) return fail(parsed.error());
  if (auto r = validate(parsed->command, parsed->options); !r) return fail(r.error());
  parsed->options.config_file = now_.config_file;
  return std::move(parsed->options);
}

Result<Reloaded> Reload::run(const std::string& text) {
  const std::lock_guard lock(mutex_);
  auto fresh = read(text);
  if (!fresh) return fail(fresh.error());
  Reloaded out;
  for (const OptionSpec& option : option_table()) {
    if (!std::visit(Differs{now_, *fresh}, option.field)) continue;
    const auto applied = apply(option, *fresh);
    if (!applied) return fail(applied.error());
    (*applied ? out.changed : out.restart).emplace_back(option.name);
  }
  if (note_) note_(text);
  for (const std::string& name : out.changed) log::info("cli: {} was changed", name);
  for (const std::string& name : out.restart) {
    log::warn("cli: a change of {} is in force after the next start only", name);
  }
  return out;
}

void Reload::run_by_signal(const Result<std::string>& text) {
  const auto done = text ? run(*text) : Result<Reloaded>(fail(text.error()));
  if (!done) log::error("cli: the config file is not used: {}", done.error().message);
  if (done && done->changed.empty() && done->restart.empty()) {
    log::info("cli: the config file was read again: nothing to change");
  }
}

}  // namespace lazymirror::cli
