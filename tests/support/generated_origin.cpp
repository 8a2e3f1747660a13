// SPDX-License-Identifier: Apache-2.0
#include "support/generated_origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"
#include "support/http_socket.h"
#include "support/oracle_http.h"

namespace lazymirror::testing {
namespace {

std::string row(const std::string& name, const std::string& size) {
  return "<a href=\"" + name + "\">" + name + "</a>   14-Nov-2023 22:13   " + size + '\n';
}

std::string page(const std::string& path, const std::string& rows) {
  return "<html><head><title>Index of " + path + "</title></head>\n<body>\n<h1>Index of " + path +
         "</h1><hr><pre><a href=\"../\">../</a>\n" + rows + "</pre><hr></body></html>\n";
}

std::string file_name(unsigned number) {
  return "some-file-of-usual-length-" + std::to_string(number) + ".tar.gz";
}

std::string directory_rows(char letter, unsigned count) {
  std::string rows;
  for (unsigned i = 0; i < count; ++i) rows += row(letter + std::to_string(i) + "/", "-");
  return rows;
}

std::string file_rows(unsigned outer, unsigned inner, unsigned count) {
  std::string rows;
  for (unsigned i = 0; i < count; ++i) {
    rows += row(file_name(i), std::to_string(GeneratedShape::size(outer, inner, i)));
  }
  return rows;
}

std::optional<std::string> listing(const GeneratedShape& shape, const std::string& path) {
  const auto all = static_cast<int>(path.size());
  unsigned outer = 0;
  unsigned inner = 0;
  int end = 0;
  if (path == "/") return page(path, directory_rows('d', shape.outer));
  if (std::sscanf(path.c_str(), "/d%u/%n", &outer, &end) == 1 && end == all &&
      outer < shape.outer) {
    return page(path, directory_rows('e', shape.inner));
  }
  if (std::sscanf(path.c_str(), "/d%u/e%u/%n", &outer, &inner, &end) == 2 && end == all &&
      outer < shape.outer && inner < shape.inner) {
    return page(path, file_rows(outer, inner, shape.files));
  }
  return std::nullopt;
}

}  // namespace

std::string GeneratedShape::path(unsigned outer, unsigned inner, unsigned file) {
  return "d" + std::to_string(outer) + "/e" + std::to_string(inner) + "/" + file_name(file);
}

std::uint64_t GeneratedShape::size(unsigned outer, unsigned inner, unsigned file) {
  return 1'000 + outer * std::uint64_t{1'000'000} + inner * 1'000 + file;
}

struct GeneratedOrigin::Impl {
  explicit Impl(GeneratedShape s) : shape(s) {}

  const GeneratedShape shape;
  UniqueFd listener;
  unsigned port = 0;
  std::atomic<std::size_t> requests{0};
  std::thread acceptor;
  std::mutex mutex;
  std::list<UniqueFd> connections;  // all that there were: few
  std::list<std::thread> threads;

  void listen_somewhere() {
    listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener.get(), plain, size) != 0 || ::listen(listener.get(), SOMAXCONN) != 0 ||
        ::getsockname(listener.get(), plain, &size) != 0) {
      throw std::runtime_error("the generated origin cannot listen");
    }
    port = ntohs(address.sin_port);
  }

  void accept_all() {
    for (;;) {
      UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd.valid() && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (!fd.valid()) return;
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::lock_guard lock(mutex);
      connections.push_back(std::move(fd));
      threads.emplace_back([this, socket = connections.back().get()] { serve(socket); });
    }
  }

  void serve(int socket) {
    std::string buffer;
    while (const auto text = receive_head(socket, buffer)) {
      const auto head = parse_request(*text);
      if (!head) break;
      ++requests;
      if (!send_all(socket, answer(*head)) || !head->keep_alive) break;
    }
    ::shutdown(socket, SHUT_RDWR);
  }

  [[nodiscard]] std::string answer(const RequestHead& head) const {
    const auto body = listing(shape, head.path);
    if (!body) return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " +
           std::to_string(body->size()) + "\r\n\r\n" + (head.method == "HEAD" ? "" : *body);
  }
};

GeneratedOrigin::GeneratedOrigin(GeneratedShape shape) : impl_(std::make_unique<Impl>(shape)) {
  impl_->listen_somewhere();
  impl_->acceptor = std::thread([impl = impl_.get()] { impl->accept_all(); });
}

GeneratedOrigin::~GeneratedOrigin() {
  ::shutdown(impl_->listener.get(), SHUT_RDWR);  // accept(2) returns
  impl_->acceptor.join();
  for (const UniqueFd& fd : impl_->connections) ::shutdown(fd.get(), SHUT_RDWR);
  for (std::thread& thread : impl_->threads) thread.join();
}

std::string GeneratedOrigin::url() const {
  return "http://127.0.0.1:" + std::to_string(impl_->port) + "/";
}

std::size_t GeneratedOrigin::requests() const { return impl_->requests; }

}  // namespace lazymirror::testing
