// SPDX-License-Identifier: Apache-2.0
//
// What the kernel tells of an access: the bytes that read(2) on a fanotify
// group returns, decoded. Pure; accepts any bytes and is fuzzed.
//
// Source: fanotify(7), include/uapi/linux/fanotify.h. The range record
// (FAN_EVENT_INFO_TYPE_RANGE) came with Linux 6.14.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::fanotify {

struct Event {
  enum class Kind : std::uint32_t {
    read,       // FAN_PRE_ACCESS: a range is about to be read (or mapped, or written)
    access,     // FAN_ACCESS_PERM: as read, without a range (older kernels)
    open,       // FAN_OPEN_PERM of a file or a directory; the kernel does not say which
    open_exec,  // FAN_OPEN_EXEC_PERM
  };
  Kind kind = Kind::read;
  UniqueFd fd;                          // of the object; its number names the event in the answer
  std::optional<std::uint64_t> offset;  // bytes, page aligned; nothing without a range record
  std::uint64_t count = 0;              // bytes; 0 with an offset of 0: the whole file (FICLONE)
  pid_t pid = 0;
};

struct Events {
  std::vector<Event> events;  // that want an answer
  unsigned failed = 0;        // the kernel could not open the object: the reader was refused
  bool overflow = false;      // FAN_Q_OVERFLOW; impossible with an unlimited queue
};

// What the bytes say, before anybody owns the descriptors they name.
struct RawEvent {
  Event::Kind kind = Event::Kind::read;
  int number = -1;
  std::optional<std::uint64_t> offset;
  std::uint64_t count = 0;
  pid_t pid = 0;
};

struct RawEvents {
  std::vector<RawEvent> events;
  unsigned failed = 0;
  bool overflow = false;
  bool valid = true;  // false: what follows the last event is nothing that a kernel writes
};

[[nodiscard]] RawEvents decode_events(std::span<const std::byte> bytes);

// Takes over the descriptors that the bytes name. Errc::bad_reply for what no
// kernel writes; descriptors found until then are owned by nobody else and are
// closed, which denies nothing: the caller must treat it as fatal.
[[nodiscard]] Result<Events> parse_events(std::span<const std::byte> bytes);

}  // namespace lazymirror::fanotify
