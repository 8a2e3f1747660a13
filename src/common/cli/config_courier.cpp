// SPDX-License-Identifier: Apache-2.0
#include "cli/config_courier.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/file_io.h"
#include "base/worker_pool.h"
#include "cli/handover.h"
#include "cli/stray_process.h"

namespace lazymirror::cli {
namespace {

constexpr std::size_t kMostText = Handover::kMostText;
constexpr unsigned kPatienceSeconds = 10;  // for a file that cannot be read to its end
constexpr char kText = 'T', kError = 'E';

std::string letter(const std::string& path) {
  if (path.empty()) return std::string(1, kText);
  const auto text = read_file(path, kMostText);
  return text ? kText + *text : kError + text.error().message;
}

void carry(int socket, const std::function<std::string()>& find) {
  ::prctl(PR_SET_NAME, "lm-config");
  ::alarm(kPatienceSeconds);
  const std::string message = letter(find());
  (void)!::send(socket, message.data(), message.size(), MSG_NOSIGNAL);
}

// Never empty: that would mean that the worker is to read the file itself.
Result<std::string> text_of(const std::string& message) {
  if (message[0] == kText) return message.substr(1) + '\n';
  return fail(Errc::io, message.substr(1));
}

}  // namespace

Result<ConfigCourier> ConfigCourier::make() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "cannot make a socket");
  }
  return ConfigCourier(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<> ConfigCourier::send(const std::function<std::string()>& find) const {
  return start_stray_process(ours_.get(), [&] { carry(ours_.get(), find); });
}

struct ConfigReceiver::Impl {
  int socket;
  std::function<void(Result<std::string>)> arrived;
  UniqueFd quit{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread{};

  void run() {
    name_this_thread("lm-config");
    std::array<pollfd, 2> fds{pollfd{socket, POLLIN, 0}, pollfd{quit.get(), POLLIN, 0}};
    for (;;) {
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
      if (fds[1].revents != 0) return;
      if (fds[0].revents != 0 && !receive()) return;
    }
  }

  // False: nobody can send any more.
  [[nodiscard]] bool receive() const {
    std::string message(kMostText + 1, '\0');
    const ssize_t size = ::recv(socket, message.data(), message.size(), MSG_DONTWAIT);
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    if (size == 0) return false;
    message.resize(static_cast<std::size_t>(size));
    arrived(text_of(message));
    return true;
  }
};

ConfigReceiver::ConfigReceiver(int workers_end, std::function<void(Result<std::string>)> arrived)
    : impl_(std::make_unique<Impl>(Impl{.socket = workers_end, .arrived = std::move(arrived)})) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

ConfigReceiver::~ConfigReceiver() {
  ::eventfd_write(impl_->quit.get(), 1);
  impl_->thread.join();
}

}  // namespace lazymirror::cli
