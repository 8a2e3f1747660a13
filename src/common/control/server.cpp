// SPDX-License-Identifier: Apache-2.0
#include "control/server.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "control/socket_place.h"

namespace lazymirror::control {
namespace {

constexpr std::size_t kMaxClients = 16;  // more wait to be accepted
constexpr Duration kIdle{30'000};        // a client that says nothing for so long is sent away

bool may_talk(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

class Client {
 public:
  explicit Client(UniqueFd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] short wanted() const { return out_.empty() ? POLLIN : POLLOUT; }
  [[nodiscard]] bool is_idle(SteadyTime now) const { return now - last_ > kIdle; }

  // Reads what is there, answers it. False: the end of this client.
  bool step(short events, const Handlers& handlers) {
    last_ = std::chrono::steady_clock::now();
    if (!out_.empty()) return send();
    if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return true;
    return receive() && answer_lines(handlers) && send();
  }

 private:
  bool receive() {
    std::array<char, 4096> buffer{};
    const ssize_t n = ::recv(fd(), buffer.data(), buffer.size(), 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    in_.append(buffer.data(), static_cast<std::size_t>(n));
    return n > 0;
  }

  bool answer_lines(const Handlers& handlers) {
    for (auto end = in_.find('\n'); end != in_.npos; end = in_.find('\n')) {
      out_ += answer(std::string_view(in_).substr(0, end), handlers);
      in_.erase(0, end + 1);
    }
    return in_.size() <= kMaxMessage;
  }

  static std::string answer(std::string_view line, const Handlers& handlers) {
    auto said = call(line, handlers);
    if (said) return write_message(*said);
    return write_message({{"error", said.error().message}});
  }

  static Result<Message> call(std::string_view line, const Handlers& handlers) {
    const auto request = parse_message(line);
    if (!request) return fail(request.error());
    const auto command = text_of(*request, "command");
    if (!command) return fail(command.error());
    const auto handler = handlers.find(*command);
    if (handler != handlers.end()) return handler->second(*request);
    return fail(Errc::invalid, "there is no command '" + *command + "'");
  }

  bool send() {
    while (!out_.empty()) {
      const ssize_t n = ::send(fd(), out_.data(), out_.size(), MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      out_.erase(0, static_cast<std::size_t>(n));
    }
    return true;
  }

  UniqueFd socket_;
  std::string in_, out_;
  SteadyTime last_ = std::chrono::steady_clock::now();
};

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
  UniqueFd stop;  // eventfd(2)
  Handlers handlers;
  std::vector<Client> clients;
  std::thread thread;

  void run() {
    ::pthread_setname_np(::pthread_self(), "lm-control");
    while (wait_and_serve()) {
    }
  }

  // False: told to stop.
  bool wait_and_serve() {
    const bool room = clients.size() < kMaxClients;
    std::vector<pollfd> fds = {{stop.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
    if (!room) fds[1].fd = -1;
    for (const Client& client : clients) fds.push_back({client.fd(), client.wanted(), 0});
    const int wait = clients.empty() ? -1 : static_cast<int>(kIdle.count());
    if (::poll(fds.data(), fds.size(), wait) < 0) return errno == EINTR;
    if (fds[0].revents != 0) return false;
    serve_clients(fds);
    if (fds[1].revents != 0) accept_one();
    return true;
  }

  void serve_clients(const std::vector<pollfd>& fds) {
    const auto now = std::chrono::steady_clock::now();
    std::vector<Client> staying;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const short events = fds[i + 2].revents;
      const bool stays = events != 0 ? clients[i].step(events, handlers) : !clients[i].is_idle(now);
      if (stays) staying.push_back(std::move(clients[i]));
    }
    clients = std::move(staying);
  }

  void accept_one() {
    UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.valid() && may_talk(socket.get())) clients.emplace_back(std::move(socket));
  }
};

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& path,
                                                            Handlers handlers) {
  auto place = socket_place(path);
  if (!place) return fail(place.error());
  auto listener = listen_at(*place, path);
  if (!listener) return fail(listener.error());
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return fail_errno(errno, "cannot make an eventfd");
  auto impl = std::make_unique<Impl>();
  impl->place = std::move(*place);
  impl->listener = std::move(*listener);
  impl->stop = std::move(stop);
  impl->handlers = std::move(handlers);
  impl->thread = std::thread([raw = impl.get()] { raw->run(); });
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() {
  ::eventfd_write(impl_->stop.get(), 1);
  impl_->thread.join();
  ::unlinkat(impl_->place.directory.get(), impl_->place.name.c_str(), 0);
}

}  // namespace lazymirror::control
