// SPDX-License-Identifier: Apache-2.0
//
// The origin's side of a contract test: the same tree with the same bytes,
// served by the oracle or by real nginx.
#pragma once

#include <memory>
#include <string>

#include "support/oracle_origin.h"

namespace lazymirror::testing {

enum class ServerKind { oracle, nginx };

class Served {
 public:
  virtual ~Served() = default;
  [[nodiscard]] virtual std::string url() const = 0;
  virtual void put(const std::string& path, OracleFile file) = 0;
  virtual void put_directory(const std::string& path) = 0;
  virtual void remove(const std::string& path) = 0;
  virtual void touch_version(const std::string& path) = 0;
  // Requests for exactly this path so far.
  [[nodiscard]] virtual std::size_t count(const std::string& path) const = 0;
  [[nodiscard]] virtual std::size_t count_all() const = 0;
  // The oracle itself, for its faults; null for a real server.
  virtual OracleOrigin* oracle() { return nullptr; }
  // A file with other contents than the truth; only real servers have it.
  virtual void put_contents(const std::string& path, const std::string& contents) = 0;
  virtual void put_local_file(const std::string& path, const std::string& source) = 0;
};

[[nodiscard]] std::unique_ptr<Served> serve(ServerKind kind);

}  // namespace lazymirror::testing
