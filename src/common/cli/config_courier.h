// SPDX-License-Identifier: Apache-2.0
//
// Brings the config file to a watch's worker, which may not read it, when the
// keeper is asked to (SIGHUP). The keeper does not read it either: the file may
// lie where the keeper would wait for itself. A small process does.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::cli {

class ConfigCourier {
 public:
  // REQUIRES: before the workers are forked.
  [[nodiscard]] static Result<ConfigCourier> make();

  // In the keeper. `find` tells, in the other process, where the file is; empty:
  // there is none. REQUIRES: this process has one thread.
  Result<> send(const std::function<std::string()>& find) const;

  // The end that the workers keep, one after the other: what comes while there is
  // none waits for the next.
  [[nodiscard]] int workers_end() const { return theirs_.get(); }

 private:
  ConfigCourier(UniqueFd ours, UniqueFd theirs)
      : ours_(std::move(ours)), theirs_(std::move(theirs)) {}
  UniqueFd ours_, theirs_;
};

// In the worker: calls `arrived` with each text, or why there is none, on a
// thread of its own.
class ConfigReceiver {
 public:
  ConfigReceiver(int workers_end, std::function<void(Result<std::string>)> arrived);
  ~ConfigReceiver();
  ConfigReceiver(const ConfigReceiver&) = delete;
  ConfigReceiver& operator=(const ConfigReceiver&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::cli
