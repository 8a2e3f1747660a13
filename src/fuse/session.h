// SPDX-License-Identifier: Apache-2.0
//
// One libfuse session and the threads that serve it. The threads are ours and
// not libfuse's (fuse_session_loop_mt), because theirs cannot be stopped in
// every version while the mount is busy: a thread blocked in read(2) on
// /dev/fuse only wakes for a request, an unmount, or a signal. Ours get a
// signal (session.cpp, wake_signal).
//
// Threads: exit() from any thread; start(), wait_*() and join() by the owner.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "fuse/libfuse.h"

namespace lazymirror::fuse {

class Session {
 public:
  // Errc::invalid for arguments that libfuse refuses.
  [[nodiscard]] static Result<std::unique_ptr<Session>> create(
      const std::vector<std::string>& arguments, const fuse_lowlevel_ops& operations,
      void* user_data);
  ~Session();  // ends the threads; the kernel's side ends with the descriptor
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // mount(2), or fusermount3 for users without the privilege. The error
  // contains what libfuse said.
  [[nodiscard]] Result<> mount(const std::string& path);

  void start(unsigned threads);
  // Returns once the kernel and we have agreed on features.
  [[nodiscard]] Result<> wait_until_ready(Duration timeout);
  // Returns when serving has ended: unmounted, exit(), or broken (an error).
  [[nodiscard]] Result<> wait_until_ended();

  // By one caller: whether a thread was free, or has become free, since the last time.
  [[nodiscard]] bool is_alive();

  void exit();  // no request is taken any more; does not wait
  void join();  // after exit()

  [[nodiscard]] fuse_session* get() const { return session_; }

 private:
  explicit Session(fuse_session* session) : session_(session) {}
  void serve();
  void serve_requests();
  void note_ready();
  void note_ended(int error);
  void wake_all();

  fuse_session* const session_;
  std::mutex mutex_;  // leaf
  std::condition_variable changed_;
  bool ready_ = false;
  bool exiting_ = false;
  unsigned serving_ = 0;  // threads still at work
  int failure_ = 0;       // errno of a read that broke the session
  std::vector<std::thread> threads_;
  std::atomic<unsigned> busy_{0};        // threads with a request
  std::atomic<std::uint64_t> taken_{0};  // requests that are done
  std::uint64_t taken_before_ = ~0ULL;   // when is_alive() was called last
};

}  // namespace lazymirror::fuse
