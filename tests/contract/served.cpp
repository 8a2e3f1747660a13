// SPDX-License-Identifier: Apache-2.0
#include "contract/served.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "support/oracle_http.h"
#include "support/temp_dir.h"
#include "support/truth.h"
#include "support/web_server.h"

namespace lazymirror::testing {
namespace {

class ServedByOracle final : public Served {
 public:
  [[nodiscard]] std::string url() const override { return origin_.url(); }
  void put(const std::string& path, OracleFile file) override { origin_.put(path, file); }
  void put_directory(const std::string& path) override { origin_.put_directory(path); }
  void remove(const std::string& path) override { origin_.remove(path); }
  void touch_version(const std::string& path) override { origin_.touch_version(path); }
  [[nodiscard]] std::size_t count(const std::string& path) const override {
    return origin_.count(path);
  }
  [[nodiscard]] std::size_t count_all() const override { return origin_.requests().size(); }
  OracleOrigin* oracle() override { return &origin_; }
  void put_contents(const std::string&, const std::string&) override {
    FAIL() << "the oracle serves nothing but its truth";
  }
  void put_local_file(const std::string&, const std::string&) override {
    FAIL() << "the oracle serves nothing but its truth";
  }

 private:
  OracleOrigin origin_;
};

class ServedByNginx final : public Served {
 public:
  ServedByNginx() : server_(root_.path()) {}

  [[nodiscard]] std::string url() const override { return server_.url(); }

  void put(const std::string& path, OracleFile file) override {
    files_[path] = file;
    lay_out(root_.path() + path, path, file);
  }
  void put_directory(const std::string& path) override {
    std::filesystem::create_directories(root_.path() + path);
  }
  void remove(const std::string& path) override {
    std::filesystem::remove_all(root_.path() + path);
  }
  void touch_version(const std::string& path) override {
    OracleFile file = files_.at(path);
    ++file.version;
    file.mtime += 3600;
    put(path, file);
  }
  [[nodiscard]] std::size_t count(const std::string& path) const override {
    const auto requests = server_.requests();
    return static_cast<std::size_t>(std::count_if(
        requests.begin(), requests.end(),
        [&](const LoggedRequest& request) { return percent_decode(request.target) == path; }));
  }
  [[nodiscard]] std::size_t count_all() const override { return server_.requests().size(); }

  void put_contents(const std::string& path, const std::string& contents) override {
    root_.write(path.substr(1), contents);
  }
  void put_local_file(const std::string& path, const std::string& source) override {
    std::filesystem::copy_file(source, root_.path() + path);
  }

 private:
  TempDir root_;
  Nginx server_;
  std::unordered_map<std::string, OracleFile> files_;
};

}  // namespace

std::unique_ptr<Served> serve(ServerKind kind) {
  if (kind == ServerKind::nginx) return std::make_unique<ServedByNginx>();
  return std::make_unique<ServedByOracle>();
}

}  // namespace lazymirror::testing
