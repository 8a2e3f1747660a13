// SPDX-License-Identifier: Apache-2.0
#include "fuse/session.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/worker_pool.h"
#include "fuse/filesystem.h"

namespace lazymirror::fuse {
namespace {

// Interrupts the read(2) of a serving thread. Its handler does nothing.
int wake_signal() { return SIGRTMIN + 5; }

// What libfuse wrote to its log on this thread since it was last cleared: its
// functions return no reasons.
thread_local std::string libfuse_said;

void log_from_libfuse(fuse_log_level level, const char* format, va_list values) {
  const int saved_errno = errno;  // callers of libfuse look at it afterwards
  char text[512];
  std::vsnprintf(text, sizeof text, format, values);
  std::string line(text);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  // Every failure is reported by whoever called libfuse.
  log::debug("fuse: libfuse: {}", line);
  if (level <= FUSE_LOG_WARNING) libfuse_said = std::move(line);
  errno = saved_errno;
}

// "fuse: mount failed: Operation not permitted" -> what follows the name.
std::string reason_of_libfuse() {
  std::string said = std::exchange(libfuse_said, {});
  constexpr std::string_view kPrefix = "fuse: ";
  if (said.starts_with(kPrefix)) said.erase(0, kPrefix.size());
  return said;
}

void prepare_process() {
  fuse_set_log_func(log_from_libfuse);
  struct sigaction action {};
  action.sa_handler = [](int) {};  // no SA_RESTART: read(2) shall return
  ::sigaction(wake_signal(), &action, nullptr);
}

// Serving threads take no signal but ours.
class OnlyWakeSignal {
 public:
  OnlyWakeSignal() {
    sigset_t all;
    ::sigfillset(&all);
    ::sigdelset(&all, wake_signal());
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~OnlyWakeSignal() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  OnlyWakeSignal(const OnlyWakeSignal&) = delete;
  OnlyWakeSignal& operator=(const OnlyWakeSignal&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Result<std::unique_ptr<Session>> Session::create(const std::vector<std::string>& arguments,
                                                 const fuse_lowlevel_ops& operations,
                                                 void* user_data) {
  prepare_process();
  fuse_args args = FUSE_ARGS_INIT(0, nullptr);
  for (const std::string& argument : arguments) fuse_opt_add_arg(&args, argument.c_str());
  libfuse_said.clear();
  fuse_session* session = fuse_session_new(&args, &operations, sizeof operations, user_data);
  fuse_opt_free_args(&args);
  if (session == nullptr) {
    return fail(Errc::invalid, "libfuse refuses the mount options: " + reason_of_libfuse());
  }
  return std::unique_ptr<Session>(new Session(session));
}

Session::~Session() {
  exit();
  join();
  fuse_session_destroy(session_);
}

Result<> Session::mount(const std::string& path) {
  libfuse_said.clear();
  if (fuse_session_mount(session_, path.c_str()) == 0) return {};
  std::string reason = reason_of_libfuse();
  if (reason.empty()) {
    reason = "fusermount3 refused; is the package fuse3 installed, and is " + path + " yours?";
  }
  return fail(Errc::denied, "cannot mount on " + path + ": " + reason);
}

void Session::start(unsigned threads) {
  const OnlyWakeSignal mask;
  serving_ = threads;
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this, i] {
      name_this_thread("lm-fuse-" + std::to_string(i));
      mark_serving_thread();
      serve();
    });
  }
}

void Session::serve() {
  serve_requests();
  fuse_session_exit(session_);
  {
    const std::lock_guard lock(mutex_);
    --serving_;
  }
  changed_.notify_all();
}

void Session::serve_requests() {
  fuse_buf buffer{};
  while (fuse_session_exited(session_) == 0) {
    const int size = fuse_session_receive_buf(session_, &buffer);
    if (size == -EINTR) continue;
    if (size <= 0) {
      note_ended(-size);
      break;
    }
    busy_.fetch_add(1, std::memory_order_relaxed);
    fuse_session_process_buf(session_, &buffer);
    taken_.fetch_add(1, std::memory_order_relaxed);
    busy_.fetch_sub(1, std::memory_order_relaxed);
    note_ready();
  }
  std::free(buffer.mem);
}

// The first request is INIT; once it is answered the mount works.
void Session::note_ready() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ready_, true)) return;
  }
  changed_.notify_all();
}

void Session::note_ended(int error) {
  const std::lock_guard lock(mutex_);
  if (failure_ == 0) failure_ = error;
}

Result<> Session::wait_until_ready(Duration timeout) {
  std::unique_lock lock(mutex_);
  const bool settled =
      changed_.wait_for(lock, timeout, [&] { return ready_ || serving_ < threads_.size(); });
  if (!settled) return fail(Errc::timeout, "the kernel does not answer the FUSE handshake");
  if (fuse_session_exited(session_) != 0) {
    return fail(Errc::unsupported, "the kernel and libfuse do not agree: " + reason_of_libfuse());
  }
  return {};
}

bool Session::is_alive() {
  const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
  const bool all_busy = busy_.load(std::memory_order_relaxed) >= threads_.size();
  return std::exchange(taken_before_, taken) != taken || !all_busy;
}

Result<> Session::wait_until_ended() {
  std::unique_lock lock(mutex_);
  // One thread that ends takes the others with it. Those that are blocked in
  // read(2) are woken until they have noticed: a signal that comes just before
  // the call is lost.
  changed_.wait(lock, [&] { return exiting_ || serving_ < threads_.size(); });
  while (serving_ > 0) {
    wake_all();
    changed_.wait_for(lock, std::chrono::milliseconds(5), [&] { return serving_ == 0; });
  }
  if (failure_ == 0) return {};
  return fail_errno(failure_, "the FUSE session broke");
}

void Session::exit() {
  fuse_session_exit(session_);
  {
    const std::lock_guard lock(mutex_);
    exiting_ = true;
  }
  changed_.notify_all();
}

void Session::wake_all() {
  for (std::thread& thread : threads_) ::pthread_kill(thread.native_handle(), wake_signal());
}

void Session::join() {
  static_cast<void>(wait_until_ended());
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace lazymirror::fuse
