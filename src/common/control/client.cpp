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

class Talk {
 public:
  Talk(UniqueFd socket, Duration silence) : socket_(std::move(socket)), silence_(silence) {
    be_patient();
  }

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
    be_patient();
    std::array<char, 16384> buffer{};
    auto end = text_.find('\n');
    for (std::size_t seen = text_.size(); end == text_.npos; seen = text_.size()) {
      const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (n < 0) {
        if (auto r = wait_after(errno, POLLIN); !r) return fail(r.error());
        continue;
      }
      if (n == 0) return fail(Errc::unreachable, kBrokenOff);
      text_.append(buffer.data(), static_cast<std::size_t>(n));
      end = text_.find('\n', seen);
      if (text_.size() > 2 * kMaxAnswer) return fail(Errc::bad_reply, "its answer has no end");
    }
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
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

  void be_patient() { end_ = std::chrono::steady_clock::now() + silence_; }

  UniqueFd socket_;
  const Duration silence_;
  SteadyTime end_;
  std::string text_;  // received, and not taken yet
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

Errc code_of(const Message& answer) {
  const auto name = text_of(answer, "code");
  if (!name) return Errc::io;
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    if (errc_name(static_cast<Errc>(i)) == *name) return static_cast<Errc>(i);
  }
  return Errc::io;
}

Result<Message> converse(const std::string& path, const Message& request, Duration silence,
                         const Told& told) {
  auto socket = connect_to(path);
  if (!socket) return fail(with_context(socket.error(), path));
  Talk talk(std::move(*socket), silence);
  if (auto r = talk.send(write_message(request)); !r) return fail(with_context(r.error(), path));
  for (;;) {
    const auto line = talk.receive_line();
    if (!line) return fail(with_context(line.error(), path));
    auto answer = parse_message(*line, kMaxAnswer);
    if (!answer) return fail(Errc::bad_reply, path + ": its answer cannot be read");
    const Message* progress = object_of(*answer, "progress");
    if (progress == nullptr) return answer;
    if (told) told(*progress);
  }
}

}  // namespace

bool is_served(const std::string& path) {
  const auto socket = connect_to(path);
  return socket || socket.error().code == Errc::denied;
}

Result<Message> ask(const std::string& path, const Message& request, Duration silence,
                    const Told& told) {
  auto answer = converse(path, request, silence, told);
  if (!answer) return answer;
  if (auto sentence = text_of(*answer, "error")) return fail(code_of(*answer), *sentence);
  return answer;
}

}  // namespace lazymirror::control
