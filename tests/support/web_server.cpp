// SPDX-License-Identifier: Apache-2.0
#include "support/web_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <signal.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>

namespace lazymirror::testing {
namespace {

constexpr const char* kNginx = "/usr/sbin/nginx";
constexpr const char* kApache = "/usr/sbin/apache2";

}  // namespace

std::string WebServer::url() const { return "http://127.0.0.1:" + std::to_string(port_) + '/'; }

std::string WebServer::log() const { return slurp(work_ / "output") + slurp(work_ / "error.log"); }

namespace {

constexpr const char* kSettle = "/.settle";

// Servers log a request after they have answered it. One more, whose connection
// they close when it is logged, comes behind all that were answered before.
void settle(int port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return;  // it was stopped: nothing is answered any more
  }
  const std::string request = std::string("HEAD ") + kSettle + " HTTP/1.0\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return;
  for (char buffer[4096]; ::recv(fd.get(), buffer, sizeof(buffer), 0) > 0;) {
  }
}

}  // namespace

std::vector<LoggedRequest> WebServer::requests() const {
  settle(port_);
  std::istringstream log(slurp(work_ / "access.log"));
  std::vector<LoggedRequest> requests;
  for (LoggedRequest request; log >> request.method >> request.target >> request.status;) {
    if (request.target != kSettle) requests.push_back(request);
  }
  return requests;
}

bool WebServer::try_start() {
  child_ = std::make_unique<ChildProcess>(
      ChildOptions{.argv = command(port_), .log_file = work_ / "output"});
  return wait_for_port(port_, *child_, std::chrono::seconds(30));
}

void WebServer::start() {
  // A free port may be taken by somebody else before the server has it.
  for (int attempt = 0; attempt < 3; ++attempt) {
    port_ = free_port();
    if (try_start()) return;
  }
  throw std::runtime_error("the web server does not start:\n" + log());
}

void WebServer::stop() {
  child_->signal(SIGTERM);
  if (!child_->wait(std::chrono::seconds(5))) child_->kill();
}

void WebServer::restart() {
  stop();
  if (!try_start()) throw std::runtime_error("the web server does not come back:\n" + log());
}

Nginx::Nginx(std::string root, std::string server_lines)
    : root_(std::move(root)), server_lines_(std::move(server_lines)) {
  start();
}

bool Nginx::available() { return ::access(kNginx, X_OK) == 0; }

std::vector<std::string> Nginx::command(unsigned port) {
  const std::string& dir = work_.path();
  std::string config = "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log " + dir +
                       "/error.log warn;\n";
  config += "events { worker_connections 1024; }\nhttp {\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    config += std::string("  ") + kind + "_temp_path " + dir + '/' + kind + ";\n";
  }
  config += "  log_format plain '$request_method $request_uri $status';\n  access_log " + dir +
            "/access.log plain;\n  default_type application/octet-stream;\n  sendfile on;\n"
            "  keepalive_requests 1000000;\n  server {\n    listen 127.0.0.1:" +
            std::to_string(port) + ";\n    root " + root_ + ";\n    autoindex on;\n    " +
            server_lines_ + "\n  }\n}\n";
  return {kNginx, "-p", dir, "-e", dir + "/error.log", "-c", work_.write("nginx.conf", config)};
}

Apache::Apache(std::string root, std::string index_options)
    : root_(std::move(root)), index_options_(std::move(index_options)) {
  start();
}

bool Apache::available() { return ::access(kApache, X_OK) == 0; }

std::vector<std::string> Apache::command(unsigned port) {
  const std::string& dir = work_.path();
  std::string config =
      "ServerRoot " + dir + "\nServerName 127.0.0.1\nListen 127.0.0.1:" + std::to_string(port) +
      "\nPidFile " + dir + "/pid\nErrorLog " + dir + "/error.log\nDefaultRuntimeDir " + dir + "\n";
  for (const char* module : {"mpm_event", "authz_core", "dir", "autoindex", "mime"}) {
    config += std::string("LoadModule ") + module + "_module /usr/lib/apache2/modules/mod_" +
              module + ".so\n";
  }
  if (::geteuid() == 0) config += "User www-data\nGroup www-data\n";
  config += "LogFormat \"%m %U %>s\" plain\nCustomLog " + dir +
            "/access.log plain\nTypesConfig /etc/mime.types\nDocumentRoot " + root_ +
            "\nKeepAlive On\nMaxKeepAliveRequests 0\nDirectoryIndex disabled\n<Directory " + root_ +
            ">\n  Options Indexes\n  IndexOptions " + index_options_ +
            "\n  Require all granted\n</Directory>\n";
  // -X: one process that stays in the foreground.
  return {kApache, "-X", "-f", work_.write("apache.conf", config)};
}

}  // namespace lazymirror::testing
