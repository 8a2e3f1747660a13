// SPDX-License-Identifier: Apache-2.0
//
// A watch without an engine, for the tests of the keeper: every file in
// CACHE/data is filled with the oracle's truth of its name. Run as
//   toy_watch CACHE fill|silent|crash|refuse TIMEOUT_MS [DESCRIPTORS]
// It prints "ready" when the tree is guarded and a worker serves, and "told" for each
// event that a worker gets.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "fanotify/claims.h"
#include "fanotify/keeper.h"
#include "fanotify/privileges.h"
#include "fanotify/system_calls.h"
#include "support/oracle_origin.h"

namespace lazymirror::fanotify {
namespace {

// In seconds, of a worker: the guard of a test that was killed must not stay.
constexpr unsigned kLongestLife = 120;

struct Arguments {
  std::string cache, behaviour;
  Duration timeout{60'000};
};

// The worker: knows files by their inode numbers.
class Toy {
 public:
  Toy(Arguments arguments, Channel& channel) : arguments_(std::move(arguments)), channel_(channel) {
    for (const auto& entry : std::filesystem::directory_iterator(arguments_.cache + "/data")) {
      struct stat st {};
      if (::stat(entry.path().c_str(), &st) == 0) names_[st.st_ino] = entry.path().filename();
    }
  }

  Result<WorkerEnd> run() {
    say(ToKeeper::Kind::ready, 0, 0);
    if (arguments_.behaviour == "pause") say(ToKeeper::Kind::pause, 1, 0);
    for (;;) {
      auto received = channel_.receive_from_keeper();
      if (!received) return WorkerEnd::keeper_gone;
      const ToWorker& message = received->message;
      if (message.kind == ToWorker::Kind::stop) return WorkerEnd::stopped;
      if (message.kind == ToWorker::Kind::ping) say(ToKeeper::Kind::pong, 0, 0);
      if (message.kind == ToWorker::Kind::event) on_event(message, received->fd.get());
    }
  }

 private:
  void say(ToKeeper::Kind kind, Ticket ticket, int error) {
    ToKeeper message;
    message.kind = kind;
    message.ticket = ticket;
    message.error = error;
    (void)channel_.send(message);
  }

  void on_event(const ToWorker& message, int fd) {
    std::puts("told");
    if (arguments_.behaviour == "silent") return;
    say(ToKeeper::Kind::answer, message.ticket, fill(message, fd));
  }

  int fill(const ToWorker& message, int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return EIO;
    const auto name = names_.find(st.st_ino);
    if (message.event != Event::Kind::read || name == names_.end()) return 0;
    const auto size = static_cast<std::uint64_t>(st.st_size);
    if (message.offset >= size) return 0;
    std::vector<std::byte> bytes(std::min(message.count, size - message.offset));
    testing::oracle_fill("/" + name->second, 1, message.offset, bytes);
    auto file = open_fd(AT_FDCWD, arguments_.cache + "/data/" + name->second, O_WRONLY);
    if (!file) return EACCES;
    return pwrite_full(file->get(), bytes, message.offset) ? 0 : EIO;
  }

  Arguments arguments_;
  Channel& channel_;
  std::map<ino_t, std::string> names_;
};

Result<WorkerEnd> work(const Arguments& arguments, Channel& channel, bool first) {
  ::alarm(kLongestLife);
  if (arguments.behaviour == "refuse") return fail(Errc::denied, "the origin says no");
  if (arguments.behaviour == "crash" && !first) ::kill(::getpid(), SIGKILL);
  return Toy(arguments, channel).run();
}

UniqueFd signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// As watch() does, in short.
Result<> watch(const Arguments& arguments) {
  auto lock = lock_cache(arguments.cache);
  for (int i = 0; i < 1'000 && !lock; ++i) {
    (void)::poll(nullptr, 0, 10);
    lock = lock_cache(arguments.cache);
  }
  if (!lock) return fail(lock.error());
  const auto earlier = look_at_claim(guard_path(arguments.cache));
  if (!earlier) return fail(earlier.error());
  auto group = Group::create(EventMode::pre_access);
  if (!group) return fail(group.error());
  if (auto r = group->guard_filesystem(lock->get(), false); !r) return r;
  if (auto r = Group::settle(lock->get()); !r) return r;
  if (earlier->state == ClaimState::held && !end_claimant(earlier->claimant, Duration{30'000})) {
    return fail(Errc::busy, "the guard does not end");
  }
  const SystemUser user = worker_user();
  auto mount = WorkMount::create(arguments.cache, *group, {user.uid, user.gid});
  if (!mount) return fail(mount.error());
  if (!mount->is_idmapped()) return fail(Errc::unsupported, "not idmapped");
  hide_memory();
  if (auto r = confine_keeper(); !r) return r;
  if (auto r = refuse_system_calls_of_keeper(); !r) return r;
  const WorkerPlace place{&*mount, &*group, arguments.cache, user.uid, user.gid, {}};
  KeeperParts parts;
  parts.start_worker = [&](bool first, const TrapHandles& traps) {
    const auto body = [&](const WorkerInside& inside) {
      return work(arguments, inside.channel, inside.first);
    };
    return WorkerProcess::start(place, body, first, traps);
  };
  parts.show = [] { return std::unique_ptr<Traps>(); };
  parts.open = [] { return std::puts("ready") < 0 ? fail_errno(errno, "puts") : Result<>(); };
  parts.hide = [] { std::puts("hidden"); };
  KeeperTimes times;
  times.timeout = arguments.timeout;
  times.grace = Duration{500};
  Keeper keeper(*group, signals(), times, std::move(parts));
  return keeper.run();
}

void limit_descriptors(const char* text) {
  const rlim_t number = std::strtoul(text, nullptr, 10);
  const rlimit limit{number, number};
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace lazymirror::fanotify

int main(int argc, char** argv) {
  using namespace lazymirror;
  if (argc < 4) return 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc > 4) fanotify::limit_descriptors(argv[4]);
  const auto done =
      fanotify::watch({argv[1], argv[2], Duration{std::strtol(argv[3], nullptr, 10)}});
  if (!done) std::printf("failed: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
