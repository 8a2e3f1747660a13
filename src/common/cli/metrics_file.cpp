// SPDX-License-Identifier: Apache-2.0
#include "cli/metrics_file.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>

#include "base/file_io.h"
#include "base/log.h"
#include "base/worker_pool.h"
#include "cli/stray_process.h"

namespace lazymirror::cli {
namespace {

constexpr std::size_t kMostText = 64u << 10;

// Of a process of its own: until all other ends are closed.
void be_scribe(const std::string& path, int socket) {
  ::prctl(PR_SET_NAME, "lm-metrics");
  std::string buffer(kMostText, '\0');
  for (;;) {
    const ssize_t n = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    (void)replace_file(path, buffer.substr(0, static_cast<std::size_t>(n)));
  }
}

}  // namespace

Result<> replace_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const auto fd = open_fd(AT_FDCWD, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  if (!fd) return fail(fd.error());
  ::fchmod(fd->get(), 0644);  // whatever the umask: others are to read it
  if (auto r = pwrite_full(fd->get(), std::as_bytes(std::span(text)), 0); !r) return r;
  if (::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(fresh.c_str());
  return fail_errno(error, "cannot write " + path);
}

Result<Scribe> Scribe::start(const std::string& path) {
  if (auto r = replace_file(path, ""); !r) return fail(with_context(r.error(), "--metrics-file"));
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "cannot make a socket");
  }
  UniqueFd ours(ends[0]);
  const UniqueFd its(ends[1]);
  const auto started = start_stray_process(its.get(), [&] { be_scribe(path, its.get()); });
  if (!started) return fail(started.error());
  return Scribe(std::move(ours));
}

void Scribe::send(int fd, const std::string& text) {
  (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

struct MetricsTimer::Impl {
  std::mutex mutex;
  std::condition_variable changed;
  bool ending = false;
  std::thread thread;

  void run(Duration interval, const std::function<void()>& write) {
    name_this_thread("lm-metrics");
    for (bool last = false; !last;) {
      write();
      std::unique_lock lock(mutex);
      last = changed.wait_for(lock, interval, [this] { return ending; });
    }
    write();
  }
};

MetricsTimer::MetricsTimer(Duration interval, std::function<void()> write)
    : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread(
      [impl = impl_.get(), interval, write = std::move(write)] { impl->run(interval, write); });
}

MetricsTimer::~MetricsTimer() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ending = true;
  }
  impl_->changed.notify_all();
  impl_->thread.join();
}

}  // namespace lazymirror::cli
