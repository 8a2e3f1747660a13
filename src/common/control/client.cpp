// SPDX-License-Identifier: Apache-2.0
#include "control/client.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "control/socket_place.h"

namespace lazymirror::control {
namespace {

constexpr const char* kBrokenOff = "it broke the conversation off";

class Conversation {
 public:
  Conversation(UniqueFd socket, Duration timeout)
      : socket_(std::move(socket)), end_(std::chrono::steady_clock::now() + timeout) {}

  Result<> send(const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::send(socket_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n >= 0) {
        done += static_cast<std::size_t>(n);
      } else if (auto r = wait_after(errno, POLLOUT); !r) {
        return r;
      }
    }
    return {};
  }

  // Without the end of the line.
  Result<std::string> receive_line() {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.find('\n') == text.npos) {
      const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (n < 0) {
        if (auto r = wait_after(errno, POLLIN); !r) return fail(r.error());
        continue;
      }
      if (n == 0) return fail(Errc::unreachable, kBrokenOff);
      text.append(buffer.data(), static_cast<std::size_t>(n));
      if (text.size() > 2 * kMaxMessage) return fail(Errc::bad_reply, "its answer has no end");
    }
    return text.substr(0, text.find('\n'));
  }

 private:
  Result<> wait_after(int error, short events) {
    if (error == EINTR) return {};
    if (error == EPIPE || error == ECONNRESET) return fail(Errc::unreachable, kBrokenOff);
    if (error != EAGAIN) return fail_errno(error, "the conversation failed");
    const auto left = std::chrono::duration_cast<Duration>(end_ - std::chrono::steady_clock::now());
    pollfd ready{socket_.get(), events, 0};
    const int n = ::poll(&ready, 1, static_cast<int>(std::max<Duration::rep>(left.count(), 0)));
    if (n == 0) return fail(Errc::timeout, "it does not answer");
    return {};
  }

  UniqueFd socket_;
  SteadyTime end_;
};

Result<UniqueFd> connect_to(const std::string& path) {
  const auto place = socket_place(path);
  if (!place) return fail(place.error());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return fail_errno(errno, "cannot make a socket");
  if (::connect(socket.get(), place->data(), SocketPlace::size()) == 0) return socket;
  if (errno == ENOENT || errno == ECONNREFUSED) {
    return fail(Errc::not_found, "nothing runs there");
  }
  return fail_errno(errno, "cannot reach it");
}

Result<Message> converse(const std::string& path, const Message& request, Duration timeout) {
  auto socket = connect_to(path);
  if (!socket) return fail(socket.error());
  Conversation conversation(std::move(*socket), timeout);
  if (auto r = conversation.send(write_message(request)); !r) return fail(r.error());
  const auto line = conversation.receive_line();
  if (!line) return fail(line.error());
  auto answer = parse_message(*line);
  if (!answer) return fail(Errc::bad_reply, "its answer cannot be read");
  return answer;
}

}  // namespace

Result<Message> ask(const std::string& path, const Message& request, Duration timeout) {
  auto answer = converse(path, request, timeout);
  if (!answer) return fail(with_context(answer.error(), path));
  if (auto sentence = text_of(*answer, "error")) return fail(Errc::io, *sentence);
  return answer;
}

}  // namespace lazymirror::control
