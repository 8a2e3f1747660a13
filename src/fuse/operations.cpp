// SPDX-License-Identifier: Apache-2.0
//
// One function per FUSE request: decode, ask, answer. What is missing here is
// missing on purpose: libfuse answers ENOSYS and the kernel never asks again.
//   access     the kernel checks the mode bits itself (default_permissions)
//   listxattr  nothing is listed, and `ls -l` saves a question per file
//   lseek      without it the kernel reports no holes, so that tools which skip
//              holes read everything
//   flush, fsync, poll, ioctl, locks: the kernel's own answers are right

#include <cstring>
#include <string_view>

#include "base/entry_name.h"
#include "base/errno_map.h"
#include "base/log.h"
#include "fuse/filesystem.h"
#include "fuse/mount_arguments.h"

namespace lazymirror::fuse {
namespace {

thread_local bool serving_thread = false;

Filesystem& filesystem(fuse_req_t request) {
  return *static_cast<Filesystem*>(fuse_req_userdata(request));
}

// Exceptions (no memory) end here; the Reply that dies of one answers EIO.
template <auto operation, typename... Args>
void guarded(fuse_req_t request, Args... args) {
  try {
    operation(filesystem(request), Reply(request, filesystem(request).outstanding), args...);
  } catch (const std::exception& e) {
    log::error("fuse: a request failed: {}", e.what());
  }
}

void agree(void* user_data, fuse_conn_info* conn) {
  auto& fs = *static_cast<Filesystem*>(user_data);
  want(conn, FUSE_CAP_ASYNC_READ);       // read-ahead while a read is under way
  want(conn, FUSE_CAP_PARALLEL_DIROPS);  // lookups in one directory wait for the network together
  want(conn, FUSE_CAP_READDIRPLUS);      // five times faster first walks
  refuse(conn, FUSE_CAP_READDIRPLUS_AUTO);  // always plus: the attributes are at hand
  want(conn, FUSE_CAP_AUTO_INVAL_DATA);     // listings cached by the kernel are checked by mtime
  // Splicing gains nothing here and ties the reply to a descriptor.
  refuse(conn, FUSE_CAP_SPLICE_READ);
  refuse(conn, FUSE_CAP_SPLICE_WRITE);
  refuse(conn, FUSE_CAP_SPLICE_MOVE);
  // With it the kernel waits uninterruptibly for an O_DIRECT read.
  refuse(conn, FUSE_CAP_ASYNC_DIO);
#ifdef FUSE_CAP_OVER_IO_URING
  refuse(conn, FUSE_CAP_OVER_IO_URING);  // libfuse delivers no interrupts there
#endif
  conn->max_read = kMaxRead;  // must equal the mount option
  // Reads that wait for the origin must not use up the kernel's budget of
  // background requests: reads of cached bytes would queue behind them.
  conn->max_background = 16'000;
  fs.can_omit_open = offers(conn, FUSE_CAP_NO_OPEN_SUPPORT);
  fs.can_omit_opendir = fs.keeps_listings() && offers(conn, FUSE_CAP_NO_OPENDIR_SUPPORT);
  if (fs.options.want_passthrough && offers(conn, kPassthroughCapability)) {
    want(conn, kPassthroughCapability);
    set_backing_depth(conn, fs.options.backing_depth);
    fs.passthrough = true;
  }
}

// The kernel has listed this directory and may go on to use what it keeps, so
// let the engine look whether that is still fresh.
void look_after_listing(Filesystem& fs, NodeId node, EntryId directory) {
  if (!fs.nodes.is_marked(node, NodeTable::Mark::listed)) return;
  RequestContext behind = fs.context();
  behind.priority = Priority::look_ahead;
  fs.engine.list(directory, behind, [](Result<std::shared_ptr<const DirectoryView>>) {});
}

void answer_entry(Filesystem& fs, Reply reply, const Attributes& attributes) {
  const Attributes form = fs.form(attributes);
  const NodeId node = fs.nodes.look_up(form);
  // A path that is walked again is only looked up: no GETATTR will come.
  if (form.kind == EntryKind::directory) look_after_listing(fs, node, form.id);
  const fuse_entry_param entry = fs.entry(form, node);
  if (reply.with([&](fuse_req_t req) { return fuse_reply_entry(req, &entry); }) != 0) {
    fs.nodes.forget(node, 1);
  }
}

void answer_absent(Filesystem& fs, Reply reply) {
  fuse_entry_param entry{};  // node 0: the kernel may remember that there is no such name
  entry.entry_timeout = fs.negative_s;
  reply.with([&](fuse_req_t req) { return fuse_reply_entry(req, &entry); });
}

void look_up(Filesystem& fs, Reply reply, fuse_ino_t parent, const char* name) {
  const auto directory = fs.nodes.find(parent);
  if (!directory) return reply.error(ESTALE);
  if (std::strlen(name) > EntryName::kMaxBytes) return reply.error(ENAMETOOLONG);
  const EntryId id = directory->id;
  // The name lies in libfuse's buffer; the engine copies what it keeps.
  const auto parked = Parked::park(std::move(reply));
  if (parked == nullptr) return;
  fs.engine.lookup(id, name, fs.context(),
                   [self = fs.shared_from_this(), ticket = parked->ticket(),
                    id](Result<Attributes> found) mutable {
                     auto answer = ticket.take();
                     if (!answer) return;
                     if (found) return answer_entry(*self, std::move(*answer), *found);
                     if (found.error().code == Errc::not_found) {
                       return answer_absent(*self, std::move(*answer));
                     }
                     answer->error(self->logged_errno("look up a name in", id, found.error()));
                   });
}

void forget(Filesystem& fs, Reply reply, fuse_ino_t node, std::uint64_t lookups) {
  fs.forget(node, lookups);
  reply.nothing();
}

void forget_many(Filesystem& fs, Reply reply, std::size_t count, fuse_forget_data* forgets) {
  for (std::size_t i = 0; i < count; ++i) fs.forget(forgets[i].ino, forgets[i].nlookup);
  reply.nothing();
}

// Directories change.
void get_directory_attributes(Filesystem& fs, Reply reply, fuse_ino_t node,
                              const Attributes& last) {
  const auto parked = Parked::park(std::move(reply));
  if (parked == nullptr) return;
  fs.engine.attributes(last.id, fs.context(),
                       [self = fs.shared_from_this(), ticket = parked->ticket(),
                        last](Result<Attributes> now) mutable {
                         auto answer = ticket.take();
                         if (!answer) return;
                         if (!now && now.error().code == Errc::not_found) {
                           return answer->error(ENOENT);
                         }
                         answer->attributes(to_stat(now ? *now : last, self->options.appearance),
                                            self->valid_s);
                       });
  look_after_listing(fs, node, last.id);
}

// A file's node is one version of it, whose attributes do not change.
void get_attributes(Filesystem& fs, Reply reply, fuse_ino_t node, fuse_file_info*) {
  const auto attributes = fs.nodes.find(node);
  if (!attributes) return reply.error(ESTALE);
  if (attributes->kind == EntryKind::directory) {
    return get_directory_attributes(fs, std::move(reply), node, *attributes);
  }
  reply.attributes(to_stat(*attributes, fs.options.appearance), fs.valid_s);
}

void open_file(Filesystem& fs, Reply reply, fuse_ino_t node, fuse_file_info* info) {
  if ((info->flags & O_ACCMODE) != O_RDONLY) return reply.error(EROFS);
  // Cached strategy: said once, the kernel opens by itself from then on.
  if (!fs.passthrough && fs.can_omit_open) return reply.error(ENOSYS);
  const auto attributes = fs.nodes.find(node);
  if (!attributes) return reply.error(ESTALE);
  auto file = fs.engine.open(attributes->id);
  if (!file && file.error().code != Errc::busy) {
    return reply.error(fs.logged_errno("open", attributes->id, file.error()));
  }
  // ESTALE makes the kernel look the name up again and open what it finds.
  // (Size unknown: a generation that is newer than the node's.)
  if (!file || (*file)->generation() != attributes->generation) return reply.error(ESTALE);
  // The same for a node whose bytes have been evicted: it would be ordinary for ever.
  if (fs.passthrough && attributes->complete && !(*file)->is_complete()) return reply.error(ESTALE);
  const auto opened = fs.opens.open(reply.request(), node, std::move(*file),
                                    fs.passthrough && attributes->complete);
  fuse_file_info answer = *info;
  answer.fh = opened.handle;
  answer.noflush = 1;
  if (opened.backing_id != 0) {
    set_backing(answer, opened.backing_id);
  } else {
    answer.keep_cache = 1;  // the bytes of a node never change
  }
  // An answer that the kernel no longer wants means an aborted connection, with
  // which the registration ends; the handle ends with the mount.
  reply.with([&](fuse_req_t req) { return fuse_reply_open(req, &answer); });
}

void read(Filesystem& fs, Reply reply, fuse_ino_t node, std::size_t size, off_t offset,
          fuse_file_info* info) {
  const auto attributes = fs.nodes.find(node);
  if (!attributes) return reply.error(ESTALE);
  start_read(fs, std::move(reply), node, *attributes, fs.opens.find(info->fh), size,
             static_cast<std::uint64_t>(offset));
}

void release(Filesystem& fs, Reply reply, fuse_ino_t, fuse_file_info* info) {
  if (const auto file = fs.opens.release(reply.request(), info->fh)) fs.engine.abandon(file);
  reply.error(0);
}

void open_directory(Filesystem& fs, Reply reply, fuse_ino_t, fuse_file_info* info) {
  // The kernel then opens directories and keeps their listings by itself.
  if (fs.can_omit_opendir) return reply.error(ENOSYS);
  fuse_file_info answer = *info;
  answer.cache_readdir = fs.keeps_listings() ? 1 : 0;
  answer.keep_cache = answer.cache_readdir;
  reply.with([&](fuse_req_t req) { return fuse_reply_open(req, &answer); });
}

template <bool plus>
void read_directory(Filesystem& fs, Reply reply, fuse_ino_t node, std::size_t size, off_t offset,
                    fuse_file_info*) {
  start_directory_read(fs, std::move(reply), node, size, static_cast<std::uint64_t>(offset), plus);
}

void stat_filesystem(Filesystem& fs, Reply reply, fuse_ino_t) {
  const auto usage = fs.engine.usage();
  if (!usage) return reply.error(fs.logged_errno("statfs", kRootId, usage.error()));
  constexpr std::uint64_t kBlock = 4096;
  struct statvfs st {};
  st.f_bsize = kBlock;
  st.f_frsize = kBlock;
  st.f_blocks = usage->bytes_total / kBlock;
  st.f_bfree = usage->bytes_free / kBlock;
  st.f_bavail = usage->bytes_available / kBlock;
  st.f_files = usage->entries;
  st.f_namemax = EntryName::kMaxBytes;
  reply.statfs(st);
}

std::optional<std::string> xattr_value(const FileStatus& status, std::string_view name) {
  if (name == "state") return status.state;
  if (name == "cached_bytes") return std::to_string(status.cached_bytes);
  if (name == "url") return status.url;
  if (name == "etag" && !status.etag.empty()) return status.etag;
  return std::nullopt;
}

void get_xattr(Filesystem& fs, Reply reply, fuse_ino_t node, const char* name, std::size_t room) {
  constexpr std::string_view kPrefix = "user.lazymirror.";
  const std::string_view asked(name);
  // Not supported rather than absent: ls(1) then stops asking for the ACL of
  // every file it lists.
  if (!asked.starts_with("user.")) return reply.error(EOPNOTSUPP);
  if (!asked.starts_with(kPrefix)) return reply.error(ENODATA);
  const auto attributes = fs.nodes.find(node);
  if (!attributes) return reply.error(ESTALE);
  const auto status = fs.engine.status(attributes->id);
  if (!status) return reply.error(fs.logged_errno("getxattr", attributes->id, status.error()));
  const auto value = xattr_value(*status, asked.substr(kPrefix.size()));
  if (!value) return reply.error(ENODATA);
  reply.xattr(*value, room);
}

// The mount is read-only already; a remount could undo that.
template <typename... Args>
void deny(fuse_req_t request, Args...) {
  fuse_reply_err(request, EROFS);
}

}  // namespace

void mark_serving_thread() { serving_thread = true; }
bool is_serving_thread() { return serving_thread; }

int Filesystem::logged_errno(const char* operation, EntryId entry, const Error& error) {
  const bool expected =
      error.code == Errc::not_found || error.code == Errc::cancelled || error.code == Errc::changed;
  if (expected) return to_errno(error.code);
  const auto untold =
      failures.ask(cause_of(std::to_string(entry), error), std::chrono::steady_clock::now());
  if (untold) {
    log::warn("fuse: cannot {} entry {}: {}{}", operation, entry, error.message, repeated(*untold));
  }
  return to_errno(error.code);
}

fuse_entry_param Filesystem::entry(const Attributes& attributes, NodeId node) const {
  fuse_entry_param out{};
  out.ino = node;
  out.attr = to_stat(attributes, options.appearance);
  out.attr_timeout = valid_s;
  out.entry_timeout = valid_s;
  return out;
}

fuse_lowlevel_ops make_operations() {
  fuse_lowlevel_ops ops{};
  ops.init = agree;
  ops.lookup = guarded<look_up>;
  ops.forget = guarded<forget>;
  ops.forget_multi = guarded<forget_many>;
  ops.getattr = guarded<get_attributes>;
  ops.open = guarded<open_file>;
  ops.read = guarded<read>;
  ops.release = guarded<release>;
  ops.opendir = guarded<open_directory>;
  ops.readdir = guarded<read_directory<false>>;
  ops.readdirplus = guarded<read_directory<true>>;
  ops.statfs = guarded<stat_filesystem>;
  ops.getxattr = guarded<get_xattr>;
  ops.setattr = deny;
  ops.mknod = deny;
  ops.mkdir = deny;
  ops.unlink = deny;
  ops.rmdir = deny;
  ops.symlink = deny;
  ops.rename = deny;
  ops.link = deny;
  ops.create = deny;
  ops.write = deny;
  ops.setxattr = deny;
  ops.removexattr = deny;
  ops.fallocate = deny;
  return ops;
}

}  // namespace lazymirror::fuse
