// SPDX-License-Identifier: Apache-2.0
//
// What include/uapi/linux/fanotify.h says in kernels newer than the headers
// this may be compiled with (FAN_PRE_ACCESS: 6.14, FAN_REPORT_FD_ERROR: 6.13,
// FAN_DENY_ERRNO: 6.13). Private to this room.
#pragma once

#include <sys/fanotify.h>

#include <cstdint>

namespace lazymirror::fanotify {

inline constexpr std::uint64_t kPreAccess = 0x00100000;  // FAN_PRE_ACCESS
inline constexpr unsigned kReportFdError = 0x00002000;   // FAN_REPORT_FD_ERROR
inline constexpr unsigned kMarkIgnoreSurv = 0x00000440;  // FAN_MARK_IGNORE_SURV
inline constexpr unsigned kMarkEvictable = 0x00000200;   // FAN_MARK_EVICTABLE
inline constexpr std::uint8_t kInfoRange = 6;            // FAN_EVENT_INFO_TYPE_RANGE

// struct fanotify_event_info_range
struct InfoRange {
  fanotify_event_info_header header;
  std::uint32_t padding;
  std::uint64_t offset;
  std::uint64_t count;
};

// Events whose causer waits for an answer.
inline constexpr std::uint64_t kAllAsking =
    kPreAccess | FAN_ACCESS_PERM | FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM;

// FAN_DENY_ERRNO()
[[nodiscard]] constexpr std::uint32_t deny_with(int error) {
  return FAN_DENY | (static_cast<std::uint32_t>(error) & 0xff) << 24;
}

}  // namespace lazymirror::fanotify
