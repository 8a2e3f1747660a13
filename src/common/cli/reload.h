// SPDX-License-Identifier: Apache-2.0
//
// The options of a running tree, read again. The command line that started it
// still counts before the file. What can be changed while it runs is: log-level,
// proxy, bandwidth-limit, ttl, negative-ttl, cache-size, min-free-space. What
// cannot is named.
//
// Threads: safe from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/command.h"
#include "config/option_table.h"
#include "config/options.h"
#include "config/places.h"
#include "engine/engine.h"

namespace lazymirror::cli {

struct Reloaded {
  std::vector<std::string> changed;  // names of options
  std::vector<std::string> restart;  // that differ and need another start
};

class Reload {
 public:
  Reload(Options now, Surroundings user) : user_(std::move(user)), now_(std::move(now)) {}

  // What runs under these options, from now on; null: nothing any more. `more` is
  // told of those times that others than the engine go by.
  using SetTtls = std::function<void(const Options&)>;
  void attach(Engine* engine, SetTtls more = nullptr);

  // `text`: the config file's contents; empty: the file is read. Errors leave
  // everything as it was.
  Result<Reloaded> run(const std::string& text);
  // The same for who waits for no answer: errors are logged. `text`: or why there
  // is none.
  void run_by_signal(const Result<std::string>& text);

  // Told of each text that came into force.
  void on_change(std::function<void(const std::string& text)> note) { note_ = std::move(note); }

  // Where the file is; empty: there is none.
  [[nodiscard]] std::string config_file() const;

 private:
  // Whether it could be put into force at once.
  [[nodiscard]] Result<bool> apply(const OptionSpec& option, const Options& fresh);
  [[nodiscard]] Result<bool> apply_to_engine(std::string_view name, const Options& fresh);
  [[nodiscard]] Result<Options> read(const std::string& text) const;

  const Surroundings user_;
  std::mutex mutex_;  // one reload at a time, the engine's part of it included
  Options now_;
  Engine* engine_ = nullptr;
  SetTtls more_;
  std::function<void(const std::string& text)> note_;  // set before there are threads
};

}  // namespace lazymirror::cli
