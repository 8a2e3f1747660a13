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

Result<UniqueFd> file_of(const std::string& text) {
  UniqueFd fd(::memfd_create("lazymirror", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot make a file in memory");
  if (auto r = pwrite_full(fd.get(), std::as_bytes(std::span(text)), 0); !r) return fail(r.error());
  return fd;
}

}  // namespace

void Reload::attach(Engine* engine) {
  const std::lock_guard lock(mutex_);
  engine_ = engine;
}

Result<bool> Reload::apply(const OptionSpec& option, const Options& options) {
  if (option.name == "log-level") {
    spdlog::set_level(spdlog::level::from_str(options.log_level));
    now_.log_level = options.log_level;
    return true;
  }
  if (option.name != "proxy" || engine_ == nullptr) return false;
  if (auto r = engine_->set_proxy(options.proxy); !r) return fail(with_context(r.error(), "proxy"));
  now_.proxy = options.proxy;
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
  for (const std::string& name : out.changed) spdlog::info("cli: {} was changed", name);
  for (const std::string& name : out.restart) {
    spdlog::warn("cli: a change of {} is in force after the next start only", name);
  }
  return out;
}

}  // namespace lazymirror::cli
