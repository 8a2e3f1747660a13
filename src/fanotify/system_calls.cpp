// SPDX-License-Identifier: Apache-2.0
#include "fanotify/system_calls.h"

#include <seccomp.h>

#include <cerrno>
#include <memory>
#include <span>

namespace lazymirror::fanotify {
namespace {

// The leak check of AddressSanitizer stops the threads by ptrace(2).
#ifdef __SANITIZE_ADDRESS__
constexpr bool kNeedsPtrace = true;
#else
constexpr bool kNeedsPtrace = false;
#endif

constexpr const char* kOfNobody[] = {
    "execve",
    "execveat",
    // other processes
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    // the kernel
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "add_key",
    "request_key",
    "keyctl",
    "iopl",
    "ioperm",
    "modify_ldt",
    "vhangup",
    "lookup_dcookie",
    "acct",
    "syslog",
    "quotactl",
    "quotactl_fd",
    "nfsservctl",
    // the machine
    "reboot",
    "swapon",
    "swapoff",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "stime",
    // the file system
    "pivot_root",
    "chroot",
    "mknod",
    "mknodat",
    "open_by_handle_at",
};

constexpr const char* kOfWorkerOnly[] = {
    "mount",         "umount2",   "umount",   "open_tree", "move_mount", "mount_setattr",
    "fsopen",        "fsconfig",  "fsmount",  "fspick",    "setns",      "unshare",
    "fanotify_init", "setuid",    "setgid",   "setreuid",  "setregid",   "setresuid",
    "setresgid",     "setgroups", "setfsuid", "setfsgid",  "capset",     "personality",
};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

// Calls that this architecture or libseccomp does not know are passed over.
int refuse(const Filter& filter, std::span<const char* const> names) {
  for (const char* name : names) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) continue;
    const int result = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), number, 0);
    if (result != 0) return result;
  }
  return 0;
}

Result<> load(const Filter& filter) {
  if (const int result = seccomp_load(filter.get()); result != 0) {
    return fail_errno(-result, "cannot filter system calls");
  }
  return {};
}

Result<> refuse_all(std::span<const char* const> more) {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) return fail(Errc::unsupported, "cannot make a filter of system calls");
  static constexpr const char* kPtrace[] = {"ptrace"};
  int result = refuse(filter, kOfNobody);
  if (result == 0 && !kNeedsPtrace) result = refuse(filter, kPtrace);
  if (result == 0) result = refuse(filter, more);
  if (result != 0) return fail_errno(-result, "cannot filter system calls");
  return load(filter);
}

}  // namespace

Result<> refuse_system_calls_of_keeper() { return refuse_all({}); }

Result<> refuse_system_calls_of_worker() { return refuse_all(kOfWorkerOnly); }

}  // namespace lazymirror::fanotify
