// SPDX-License-Identifier: Apache-2.0
#include "control/server.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "control/conversation.h"
#include "control/socket_place.h"

namespace lazymirror::control {
namespace {

constexpr std::size_t kMaxClients = 32;  // more wait to be accepted
constexpr int kLookForIdle = 30'000;     // ms

bool may_talk(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// Nobody can connect before listen(2), so the mode is never a wider one. Not
// nonblocking: accept(2) is only called when poll(2) says so.
Result<UniqueFd> listen_at(const SocketPlace& place, const std::string& path) {
  const std::string what = "cannot make the control socket " + path;
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return fail_errno(errno, what);
  if (::unlinkat(place.directory.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno(errno, what);
  }
  if (::bind(socket.get(), place.data(), SocketPlace::size()) != 0 ||
      ::fchmodat(place.directory.get(), place.name.c_str(), 0600, 0) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return fail_errno(errno, what);
  }
  return socket;
}

}  // namespace

struct ControlServer::Impl {
  SocketPlace place;
  UniqueFd listener;
  std::shared_ptr<const UniqueFd> wake;  // eventfd(2)
  std::atomic<bool> stopping{false};
  Handlers handlers;
  std::vector<Conversation> clients;
  std::thread thread;

  void run() {
    ::pthread_setname_np(::pthread_self(), "lm-control");
    while (wait_and_serve()) {
    }
    clients.clear();
  }

  // False: told to stop.
  bool wait_and_serve() {
    const bool room = clients.size() < kMaxClients;
    std::vector<pollfd> fds = {{wake->get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
    if (!room) fds[1].fd = -1;
    for (const Conversation& client : clients) fds.push_back({client.fd(), client.wanted(), 0});
    const int wait = clients.empty() ? -1 : kLookForIdle;
    if (::poll(fds.data(), fds.size(), wait) < 0) return errno == EINTR;
    eventfd_t ignored = 0;
    if (fds[0].revents != 0) ::eventfd_read(wake->get(), &ignored);
    if (stopping) return false;
    serve_clients(fds);
    if (fds[1].revents != 0) accept_one();
    return true;
  }

  void serve_clients(const std::vector<pollfd>& fds) {
    const auto now = std::chrono::steady_clock::now();
    std::vector<Conversation> staying;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const short events = fds[i + 2].revents;
      const bool idle = events == 0 && clients[i].is_idle(now);
      if (!idle && clients[i].step(events)) staying.push_back(std::move(clients[i]));
    }
    clients = std::move(staying);
  }

  void accept_one() {
    UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.valid() || !may_talk(socket.get())) return;
    clients.emplace_back(std::move(socket), handlers, wake);
  }
};

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& path,
                                                            Handlers handlers) {
  auto place = socket_place(path);
  if (!place) return fail(place.error());
  auto listener = listen_at(*place, path);
  if (!listener) return fail(listener.error());
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return fail_errno(errno, "cannot make an eventfd");
  auto impl = std::make_unique<Impl>();
  impl->place = std::move(*place);
  impl->listener = std::move(*listener);
  impl->wake = std::make_shared<const UniqueFd>(std::move(wake));
  impl->handlers = std::move(handlers);
  impl->thread = std::thread([raw = impl.get()] { raw->run(); });
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() {
  impl_->stopping = true;
  ::eventfd_write(impl_->wake->get(), 1);
  impl_->thread.join();
  ::unlinkat(impl_->place.directory.get(), impl_->place.name.c_str(), 0);
}

}  // namespace lazymirror::control
