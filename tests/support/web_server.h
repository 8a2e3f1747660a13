// SPDX-License-Identifier: Apache-2.0
//
// Real web servers over a directory: nginx and Apache, each one process on a
// free loopback port, configured in a directory of its own, ended with the
// object. Not synchronised.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {

struct LoggedRequest {
  std::string method, target;
  int status = 0;
};

class WebServer {
 public:
  virtual ~WebServer() = default;

  [[nodiscard]] std::string url() const;  // http://127.0.0.1:PORT/
  // What was asked of it so far, from its access log.
  [[nodiscard]] std::vector<LoggedRequest> requests() const;
  [[nodiscard]] std::string log() const;  // its error log and output
  void stop();                            // as a dead host: connections are refused
  void restart();                         // on the same port

 protected:
  WebServer() = default;
  void start();  // throws std::runtime_error with the log
  virtual std::vector<std::string> command(unsigned port) = 0;  // writes the configuration

  TempDir work_;

 private:
  bool try_start();
  unsigned port_ = 0;
  std::unique_ptr<ChildProcess> child_;
};

class Nginx final : public WebServer {
 public:
  // `server_lines`: further directives of the server block.
  explicit Nginx(std::string root, std::string server_lines = "");
  [[nodiscard]] static bool available();

 private:
  std::vector<std::string> command(unsigned port) override;
  std::string root_, server_lines_;
};

class Apache final : public WebServer {
 public:
  // `index_options`: as for mod_autoindex, "FancyIndexing HTMLTable".
  explicit Apache(std::string root, std::string index_options = "FancyIndexing");
  [[nodiscard]] static bool available();

 private:
  std::vector<std::string> command(unsigned port) override;
  std::string root_, index_options_;
};

}  // namespace lazymirror::testing
