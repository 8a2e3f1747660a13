// SPDX-License-Identifier: Apache-2.0
//
// A fanotify group and its marks: the only place that calls fanotify_init(2)
// and fanotify_mark(2).
//
// Copies of the descriptor may be held by several processes: as long as one is
// open, blocked readers wait; when the last one is closed, the kernel allows
// everything, pending and future. Only one process may read() events at a
// time, any may answer().
//
// Making a group and marking a file system or a mount takes CAP_SYS_ADMIN;
// marks on inodes, events and answers need no privilege once the group exists.
// Threads: safe from any thread, but for read().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/event.h"

namespace lazymirror::fanotify {

// How reads are seen: with their range (Linux 6.14), or without.
enum class EventMode { pre_access, access_perm };

class Group {
 public:
  // Unlimited queue and marks, event descriptors O_RDONLY|O_NONBLOCK.
  // Errc::denied without the privilege, Errc::unsupported on old kernels.
  [[nodiscard]] static Result<Group> create(EventMode mode);
  // Takes over a copy from another process.
  Group(UniqueFd fd, EventMode mode) : fd_(std::move(fd)), mode_(mode) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] EventMode mode() const { return mode_; }
  void close() { fd_.reset(); }

  // --- what is guarded ---
  // Every read of every file of the file system that `fd` is on; with
  // `opens`, every open of a file as well. Directories are not meant: one mark
  // cannot hold PRE_ACCESS and ONDIR, so those have marks of their own.
  // Errc::unsupported where the file system or the kernel has no such events.
  Result<> guard_filesystem(int fd, bool opens);
  // Reads of this file only (and opens); what is open already stays unguarded.
  Result<> guard_file(int fd, bool opens = false);
  Result<> unguard_file(int fd);
  // Opens of this file only.
  Result<> guard_opens(int fd);
  // No mark on any file or directory is left; those on mounts are.
  Result<> unguard_all();
  // opendir(3) of this directory, whatever path leads to it.
  Result<> guard_directory(int fd);
  Result<> unguard_directory(int fd);
  // opendir(3) of every directory reached through the mount that `fd` is on;
  // opens of files there stay silent, unless `files_too`. (Before Linux 6.0
  // they are told in any case: FAN_ONDIR adds directories to files.)
  Result<> watch_directories_of_mount(int fd, bool files_too = false);

  // The numbers (STATX_MNT_ID) of those of them that still exist, for the mark
  // goes with the mount: one that is detached lives as long as somebody has a
  // file of it open or mapped, or stands in it.
  [[nodiscard]] std::vector<std::uint64_t> watched_mounts() const;

  // Returns when every access that began before the marks of any group were
  // set has been told, or is over: waits for the kernel's grace period by
  // closing a group of its own that owned a mark (on what `fd` is).
  static Result<> settle(int fd);

  // --- exceptions ---
  // The daemon's own mount: nothing that is done through it is told.
  Result<> ignore_mount(int fd);
  // A complete file, until its inode leaves memory: then events come again.
  // Not while it is guarded: the kernel refuses an evictable mark over one that
  // is not (EEXIST), so unguard first.
  Result<> ignore_file(int fd);
  Result<> heed_file(int fd);  // not ignored any more; no error when it was not
  // A directory that is populated and fresh; the same way.
  Result<> ignore_directory(int fd);
  Result<> heed_directory(int fd);

  // --- events ---
  // What is queued, at most so many and kReadAtOnce; empty when nothing is.
  // Never blocks.
  // A reader whose object cannot be opened here (descriptors are exhausted, a
  // lease is on the file) has been refused by the kernel and counts as failed.
  static constexpr std::size_t kReadAtOnce = 256;
  [[nodiscard]] Result<Events> read(std::size_t at_most = kReadAtOnce);
  // Releases the reader: 0 lets it go on, an errno is what it gets. What the
  // kernel cannot deliver becomes EIO. Errc::not_found when nobody waits
  // under that number; that of a reader who was killed is taken, once.
  Result<> answer(int number, int error);
  // Denies all that was read from the group by a process that is gone.
  void deny_numbers_below(int limit, int error);

 private:
  [[nodiscard]] std::uint64_t file_mask(bool opens) const;
  Result<> mark(unsigned flags, std::uint64_t mask, int fd, const char* what);
  Result<> unmark(unsigned flags, std::uint64_t mask, int fd, const char* what);

  UniqueFd fd_;
  EventMode mode_;
};

// EPERM EIO EAGAIN EBUSY ETXTBSY ENOSPC EDQUOT are all that a reader can be
// given (fs/notify/fanotify/fanotify_user.c).
[[nodiscard]] int deliverable(int error);
// The second table from errors to errnos (base/errno_map.h has that of FUSE).
[[nodiscard]] int errno_for_reader(const Error& error);

}  // namespace lazymirror::fanotify
