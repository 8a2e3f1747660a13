// SPDX-License-Identifier: Apache-2.0
#include "fanotify/watch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_limit.h"
#include "fanotify/privileges.h"
#include "fanotify/run.h"

namespace lazymirror::fanotify {
namespace {

// --- this process ---

// Out of memory, the worker is the one to go: it is replaced.
void be_last_to_go() {
  const UniqueFd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score.valid()) (void)!::write(score.get(), "-900", 4);
}

// They are kept from the worker, too.
Result<UniqueFd> take_signals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&taken, number);
  ::pthread_sigmask(SIG_BLOCK, &taken, nullptr);
  UniqueFd fd(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (fd.valid()) return fd;
  return fail_errno(errno, "cannot take signals");
}

// Traps catch nobody of the keeper's group, so that must be its own; in the
// background, where no terminal's hangup counts, with a session of its own.
void lead_a_group(bool foreground) {
  if (!foreground && ::setsid() >= 0) return;
  (void)::setpgid(0, 0);  // fails for who leads a session, and a group, already
}

Result<UniqueFd> become_keeper(bool hangup_counts) {
  lead_a_group(hangup_counts);
  raise_file_limit();  // every reader that waits holds a descriptor here
  be_last_to_go();
  hide_memory();
  return take_signals();
}

}  // namespace

Result<WatchEnd> watch(const WatchOptions& options, const WatchParts& parts, bool hangup_counts) {
  auto signals = become_keeper(hangup_counts);
  if (!signals) return fail(signals.error());
  Run run(options, parts, hangup_counts);
  if (auto r = run.prepare(); !r) return fail(r.error());
  return run.serve_until_stopped(std::move(*signals));
}

}  // namespace lazymirror::fanotify
