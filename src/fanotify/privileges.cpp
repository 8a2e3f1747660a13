// SPDX-License-Identifier: Apache-2.0
#include "fanotify/privileges.h"

#include <cap-ng.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace lazymirror::fanotify {
namespace {

constexpr std::array kOfKeeper = {
    CAP_SYS_ADMIN,        // mounts, marks, setns(2)
    CAP_SYS_CHROOT,       // setns(2) into a mount namespace
    CAP_KILL,             // the worker is another user
    CAP_DAC_READ_SEARCH,  // descriptors of files that only others may read
    CAP_SYS_PTRACE,       // whose working directory is in a mount that could be tidied away
    CAP_FOWNER,           // the mode of a data directory that is not root's
    CAP_SETUID,
    CAP_SETGID,   // the next worker's user
    CAP_SETPCAP,  // the next worker's bounding set
};

Failure cannot_give_up(int err) { return fail_errno(err, "cannot give up privileges"); }

Result<> no_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) return {};
  return cannot_give_up(errno);
}

Result<> has_none() {
  if (capng_get_caps_process() == 0 && capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE) {
    return {};
  }
  return cannot_give_up(EPERM);
}

}  // namespace

SystemUser worker_user() {
  for (const char* name : {"lazymirror", "nobody"}) {
    if (const passwd* found = ::getpwnam(name)) return {found->pw_uid, found->pw_gid, name};
  }
  return {};
}

Result<> become_worker(uid_t uid, gid_t gid) {
  // The bounding set goes first, it takes a capability to clear it. Where that
  // is missing, no_new_privs keeps the rest out all the same.
  capng_clear(CAPNG_SELECT_BOUNDS);
  (void)capng_apply(CAPNG_SELECT_BOUNDS);
  if (::setgroups(0, nullptr) != 0) return cannot_give_up(errno);
  if (::setresgid(gid, gid, gid) != 0) return cannot_give_up(errno);
  if (::setresuid(uid, uid, uid) != 0) return cannot_give_up(errno);
  capng_clear(CAPNG_SELECT_BOTH);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return cannot_give_up(EPERM);
  if (auto r = no_new_privileges(); !r) return r;
  return has_none();
}

Result<> confine_keeper() {
  if (capng_get_caps_process() != 0) return cannot_give_up(EPERM);
  std::vector<unsigned> kept;
  for (const unsigned capability : kOfKeeper) {
    if (capng_have_capability(CAPNG_EFFECTIVE, capability) != 0) kept.push_back(capability);
  }
  capng_clear(CAPNG_SELECT_BOTH);
  for (const unsigned capability : kept) {
    capng_update(CAPNG_ADD,
                 static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET),
                 capability);
  }
  if (capng_apply(CAPNG_SELECT_BOTH) != 0) return cannot_give_up(EPERM);
  return no_new_privileges();
}

void hide_memory() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace lazymirror::fanotify
