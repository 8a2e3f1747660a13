// SPDX-License-Identifier: Apache-2.0
//
// What was changed while a watch runs, for the worker that takes the place of
// this one: whether it is offline, and the config file that is in force. It is
// memory that the keeper has its workers share: it ends with the run.
//
// A worker may be killed at any moment, also while it writes here.
//
// Threads: safe from any thread, and from one worker after the other.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lazymirror::cli {

class Handover {
 public:
  static constexpr std::size_t kMostText = 64u << 10;

  // REQUIRES: before the workers are forked.
  [[nodiscard]] static Result<Handover> make(bool offline);

  void set_offline(bool offline);
  [[nodiscard]] bool offline() const;

  // The text of the config file, once it was read again. One that is too long is
  // not kept.
  void set_config(std::string_view text);
  [[nodiscard]] std::optional<std::string> config() const;

 private:
  struct Shared;
  explicit Handover(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace lazymirror::cli
