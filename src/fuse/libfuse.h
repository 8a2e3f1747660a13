// SPDX-License-Identifier: Apache-2.0
//
// libfuse's low-level API, and the differences between its versions: 3.17
// brought passthrough and 64-bit capability flags; 3.14 (Debian 12) has
// neither. The only header of the project that includes libfuse.
#pragma once

#if LAZYMIRROR_FUSE_PASSTHROUGH
#define FUSE_USE_VERSION 317
#else
#define FUSE_USE_VERSION 312
#endif
#include <fuse_lowlevel.h>

#include <cerrno>
#include <cstdint>
#include <string>

namespace lazymirror::fuse {

inline constexpr bool kBuiltWithPassthrough = LAZYMIRROR_FUSE_PASSTHROUGH;

#if LAZYMIRROR_FUSE_PASSTHROUGH

inline constexpr std::uint64_t kPassthroughCapability = FUSE_CAP_PASSTHROUGH;

inline bool offers(fuse_conn_info* conn, std::uint64_t capability) {
  return fuse_get_feature_flag(conn, capability);
}
inline void want(fuse_conn_info* conn, std::uint64_t capability) {
  fuse_set_feature_flag(conn, capability);
}
inline void refuse(fuse_conn_info* conn, std::uint64_t capability) {
  fuse_unset_feature_flag(conn, capability);
}
inline void set_backing_depth(fuse_conn_info* conn, std::uint32_t depth) {
  conn->max_backing_stack_depth = depth;
}
// A positive backing id, or 0 with errno set.
inline int register_backing(fuse_req_t req, int fd) { return fuse_passthrough_open(req, fd); }
inline void unregister_backing(fuse_req_t req, int id) { fuse_passthrough_close(req, id); }
inline void set_backing(fuse_file_info& info, int id) { info.backing_id = id; }

#else

inline constexpr std::uint64_t kPassthroughCapability = 0;

inline bool offers(fuse_conn_info* conn, std::uint64_t capability) {
  return (conn->capable & capability) != 0;
}
inline void want(fuse_conn_info* conn, std::uint64_t capability) {
  conn->want |= conn->capable & static_cast<unsigned>(capability);
}
inline void refuse(fuse_conn_info* conn, std::uint64_t capability) {
  conn->want &= ~static_cast<unsigned>(capability);
}
inline void set_backing_depth(fuse_conn_info*, std::uint32_t) {}
inline int register_backing(fuse_req_t, int) {
  errno = EOPNOTSUPP;
  return 0;
}
inline void unregister_backing(fuse_req_t, int) {}
inline void set_backing(fuse_file_info&, int) {}

#endif

// The name is looked up again at its next use; who has the file open is not
// disturbed. Kernels before 6.2 know only the harsher form.
inline int expire_entry(fuse_session* session, fuse_ino_t directory, const std::string& name) {
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 16)
  const int err = fuse_lowlevel_notify_expire_entry(session, directory, name.c_str(), name.size());
#else
  const int err = fuse_lowlevel_notify_expire_entry(session, directory, name.c_str(), name.size(),
                                                    FUSE_LL_EXPIRE_ONLY);
#endif
  if (err != -ENOSYS) return err;
  return fuse_lowlevel_notify_inval_entry(session, directory, name.c_str(), name.size());
}

}  // namespace lazymirror::fuse
