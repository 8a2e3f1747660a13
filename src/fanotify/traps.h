// SPDX-License-Identifier: Apache-2.0
//
// Traps for path walks: no fanotify event exists for the lookup of an absent
// name, so an unpopulated directory carries an autofs direct mount. A walk
// through it (not stat(2) of the directory itself) blocks until release(); then
// the trap is gone, and the walk goes on in the directory below.
//
// Two ways to end a wait. *Stale*: the trap is detached and the wait fails with
// ESTALE, which makes the VFS walk again, but only once in a system call
// (fs/namei.c, retry_estale()). *Through*: the directory is bound over the
// trap, the wait succeeds, and the walk goes on in that mount; tidy() takes
// both away as soon as nobody stands in them. A wait is ended stale only if
// nobody was within the last ten seconds: whoever waits here may be walking for the
// second time already, and those who join a wait are not told by name.
//
// Not synchronised: of the keeper's one thread. Needs CAP_SYS_ADMIN and
// /dev/autofs. The keeper must lead a process group of its own: processes of
// that group are never caught and see an empty directory instead.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/trap_ends.h"

namespace lazymirror::fanotify {

// What another keeper needs to go on with traps as they are.
struct TrapsLeft {
  struct Trap {
    int state = 0;
    std::uint64_t key = 0;
    std::uint32_t device = 0;
    std::vector<std::uint32_t> tokens;
    std::string path;
    SteadyTime since{};  // caught, or released
    UniqueFd directory, control;
  };
  UniqueFd root;            // the view
  UniqueFd walks, notices;  // the pipe
  UniqueFd usher;           // the line to it (usher.h)
  pid_t group = 0;          // whose processes may handle the traps: its own
  SteadyTime last_stale{};  // when a walk was sent back last
  std::vector<Trap> traps;
};

class Traps {
 public:
  // `root`: the view, an open directory. Errc::unsupported without autofs.
  [[nodiscard]] static Result<std::unique_ptr<Traps>> create(
      UniqueFd root, std::string root_path,
      std::shared_ptr<const Clock> clock = std::make_shared<SystemClock>());
  // Those of another keeper, which still has them in its hands until enter().
  [[nodiscard]] static Result<std::unique_ptr<Traps>> take_over(TrapsLeft left,
                                                                std::string root_path);
  ~Traps();  // as clear(EIO), if they are in our hands
  Traps(const Traps&) = delete;
  Traps& operator=(const Traps&) = delete;

  // Another place where the view is shown (a mount of the same peer group):
  // tidy() leaves alone what is in use there.
  void also_shown_at(std::string root_path);

  // Called with each mount that comes to lie over a trap, before anybody can walk
  // into it: files may be opened through it.
  void on_bound(std::function<Result<>(int mount)> mark);

  // Puts a trap on the directory at `path`, relative to the root: plain names
  // joined by '/'; nothing else is accepted (Errc::invalid). `key` names it.
  // Errc::busy when there is one already. stat(2) shows the directory's own
  // owner, mode and times, but the trap's device and inode numbers.
  // `hand_over` is called, unless there is an usher, before anybody can walk into it, with the
  // trap's device number and its root; unless it is true there is no trap (Errc::busy).
  using HandOver = std::function<bool(std::uint64_t device, int control)>;
  Result<> set(std::uint64_t key, const std::string& path, const HandOver& hand_over = {});
  [[nodiscard]] bool has(std::uint64_t key) const;
  [[nodiscard]] std::size_t count() const;

  // Becomes readable when somebody was caught.
  [[nodiscard]] int fd() const;
  // All traps, also what is left behind; none where an usher has them.
  [[nodiscard]] TrapHandles handles() const;
  struct Caught {
    std::uint64_t key;
    pid_t pid;
  };
  // Who was caught since the last call; each key once, however many wait there.
  [[nodiscard]] std::vector<Caught> read();

  // 0: takes the trap away; who waits there walks on. ESTALE: the same when the
  // directory is gone. Any other errno: who waits gets it, and the trap stays,
  // so that the next walk asks again instead of finding names absent. No error
  // when there is none.
  Result<> release(std::uint64_t key, int error);
  // Takes away what release() had to leave behind for walks that were under
  // way; to be called every second or so. The device numbers of what is gone.
  std::vector<std::uint64_t> tidy(SteadyTime now);
  // All of them, also what is left behind; who waits gets `error`.
  void clear(int error);

  // With copies of the descriptors. Whoever is caught later is told of in the pipe.
  // The usher's line is missing where there is none yet.
  [[nodiscard]] TrapsLeft copy() const;
  [[nodiscard]] bool have_usher() const;
  void leave();  // to another keeper: nothing is taken away at the end
  void enter();  // ours from now on

 private:
  struct Impl;
  explicit Traps(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::fanotify
