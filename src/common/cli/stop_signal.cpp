// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_signal.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/unique_fd.h"
#include "base/worker_pool.h"
#include "cli/run.h"

namespace lazymirror::cli {

struct StopSignal::Impl {
  enum class Phase { starting, mounting, serving, stopping };

  std::mutex mutex;
  std::condition_variable idle;
  Phase phase = Phase::starting;
  bool asked = false;    // a signal has come
  bool calling = false;  // stop or hangup is being called
  UniqueFunction<void()> stop;
  std::function<void()> hangup;

  UniqueFd signals, quit;
  bool hangup_counts = false;
  std::thread thread;

  void watch() {
    std::array<pollfd, 2> fds = {pollfd{signals.get(), POLLIN, 0}, pollfd{quit.get(), POLLIN, 0}};
    for (;;) {
      const int patience = was_asked() ? static_cast<int>(kPatience.count()) : -1;
      const int n = ::poll(fds.data(), fds.size(), patience);
      if (n == 0) leave("the tree could not be given back in time");
      if (n > 0 && fds[1].revents != 0) return;
      if (n > 0) on_signal();
    }
  }

  // Only a stop that was asked for is hurried; one by umount takes its time.
  bool was_asked() {
    const std::lock_guard lock(mutex);
    return asked;
  }

  void on_signal() {
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) != sizeof info) return;
    std::unique_lock lock(mutex);
    if (info.ssi_signo == SIGHUP && !hangup_counts) {
      const auto asked_for = phase == Phase::serving ? hangup : nullptr;
      calling = asked_for != nullptr;
      lock.unlock();
      if (asked_for) call_hangup(asked_for);
      return;
    }
    const bool again = std::exchange(asked, true);
    const Phase now = phase;
    lock.unlock();
    if (now == Phase::starting) leave("interrupted before the tree was mounted");
    if (now == Phase::stopping && again) leave("interrupted again while stopping");
    if (now == Phase::serving) call_stop();
  }

  void call_hangup(const std::function<void()>& function) {
    function();
    const std::lock_guard lock(mutex);
    calling = false;
    idle.notify_all();
  }

  void call_stop() {
    std::unique_lock lock(mutex);
    if (phase != Phase::serving || !stop) return;
    auto function = std::move(stop);
    stop = nullptr;
    calling = true;
    lock.unlock();
    log::info("cli: stopping");
    function();
    lock.lock();
    calling = false;
    idle.notify_all();
  }

  // The cache is made to survive this; what is being torn down may hang.
  [[noreturn]] static void leave(const char* why) {
    log::error("cli: {}", why);
    ::_exit(kFailure);
  }
};

StopSignal::StopSignal(bool hangup_counts) : impl_(std::make_unique<Impl>()) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  impl_->signals = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
  impl_->quit = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  impl_->hangup_counts = hangup_counts;
  impl_->thread = std::thread([impl = impl_.get()] {
    name_this_thread("lm-signals");
    impl->watch();
  });
}

StopSignal::~StopSignal() {
  ::eventfd_write(impl_->quit.get(), 1);
  impl_->thread.join();
}

void StopSignal::mounting() {
  const std::lock_guard lock(impl_->mutex);
  impl_->phase = Impl::Phase::mounting;
}

void StopSignal::serving(UniqueFunction<void()> stop) {
  bool asked = false;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->phase = Impl::Phase::serving;
    impl_->stop = std::move(stop);
    asked = impl_->asked;
  }
  if (asked) impl_->call_stop();
}

void StopSignal::on_hangup(std::function<void()> reload) {
  const std::lock_guard lock(impl_->mutex);
  impl_->hangup = std::move(reload);
}

void StopSignal::stopping() {
  std::unique_lock lock(impl_->mutex);
  impl_->phase = Impl::Phase::stopping;
  impl_->stop = nullptr;
  impl_->idle.wait(lock, [this] { return !impl_->calling; });
}

}  // namespace lazymirror::cli
