// SPDX-License-Identifier: Apache-2.0
#include "control/conversation.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace lazymirror::control {
namespace {

constexpr Duration kIdle{30'000};

Result<Handler> handler_of(const Message& request, const Handlers& handlers) {
  const auto command = text_of(request, "command");
  if (!command) return fail(command.error());
  const auto handler = handlers.find(*command);
  if (handler != handlers.end()) return handler->second;
  return fail(Errc::invalid, "there is no command '" + *command + "'");
}

}  // namespace

// While a request is under way only the client's end is of interest, which
// poll(2) tells unasked.
short Conversation::wanted() const {
  short events = 0;
  if (!out_.empty()) events |= POLLOUT;
  if (out_.empty() && !request_ && !end_of_input_) events |= POLLIN;
  return events;
}

bool Conversation::is_idle(SteadyTime now) const { return !request_ && now - last_ > kIdle; }

bool Conversation::step(short events) {
  if (events != 0) last_ = std::chrono::steady_clock::now();
  if ((events & (POLLHUP | POLLERR)) != 0 && (events & POLLIN) == 0) leave();
  if (!client_gone_ && (events & POLLIN) != 0) receive();
  take_lines();
  if (!client_gone_) send();
  take_answer();
  if (!client_gone_) send();
  take_lines();
  if (client_gone_) return request_ != nullptr;
  return request_ != nullptr || !out_.empty() || !end_of_input_;
}

// What cannot be sent yet stays with the request, which sees that it gathers.
void Conversation::take_answer() {
  if (!request_) return;
  if (request_->has_gone()) leave();
  if (!out_.empty()) return;
  const bool ended = request_->has_ended();  // first: nothing is said after it
  out_ += request_->take_lines();
  if (!ended) return;
  request_.reset();
  last_ = std::chrono::steady_clock::now();
}

void Conversation::receive() {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (n > 0) in_.append(buffer.data(), static_cast<std::size_t>(n));
  if (n == 0) end_of_input_ = true;
  if (n < 0 && errno != EAGAIN && errno != EINTR) leave();
}

void Conversation::take_lines() {
  for (auto end = in_.find('\n'); !request_ && !client_gone_ && end != in_.npos;
       end = in_.find('\n')) {
    const std::string line = in_.substr(0, end);
    in_.erase(0, end + 1);
    begin(line);
  }
  if (!request_ && in_.size() > kMaxMessage) leave();
}

void Conversation::begin(std::string_view line) {
  auto request = parse_message(line);
  const auto handler =
      request ? handler_of(*request, *handlers_) : Result<Handler>(fail(request.error()));
  if (!handler) {
    out_ += write_message(error_message(handler.error()));
    return;
  }
  try {
    request_ = std::make_unique<Request>(*handler, std::move(*request), wake_);
  } catch (const std::system_error& error) {  // no thread to be had
    out_ += write_message(error_message({Errc::busy, error.what()}));
  }
}

void Conversation::send() {
  while (!out_.empty()) {
    const ssize_t n = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) leave();
      return;
    }
    out_.erase(0, static_cast<std::size_t>(n));
  }
}

// Its request may take a moment to notice.
void Conversation::leave() {
  client_gone_ = true;
  out_.clear();
  if (request_) request_->asker_has_gone();
}

}  // namespace lazymirror::control
