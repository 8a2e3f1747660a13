// SPDX-License-Identifier: Apache-2.0
#include "fanotify/event.h"

#include <sys/fanotify.h>

#include <cstring>

#include "fanotify/kernel_abi.h"

namespace lazymirror::fanotify {
namespace {

using Bytes = std::span<const std::byte>;

template <typename T>
std::optional<T> front_of(Bytes bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// The metadata at the front, checked against the bytes that are there.
std::optional<fanotify_event_metadata> metadata_of(Bytes bytes) {
  const auto metadata = front_of<fanotify_event_metadata>(bytes);
  if (!metadata || metadata->vers != FANOTIFY_METADATA_VERSION) return std::nullopt;
  const bool fits = metadata->metadata_len >= sizeof *metadata &&
                    metadata->event_len >= metadata->metadata_len &&
                    metadata->event_len <= bytes.size();
  return fits ? metadata : std::nullopt;
}

std::optional<Event::Kind> kind_of(std::uint64_t mask) {
  switch (mask & kAllAsking) {
    case kPreAccess: return Event::Kind::read;
    case FAN_ACCESS_PERM: return Event::Kind::access;
    case FAN_OPEN_PERM: return Event::Kind::open;
    case FAN_OPEN_EXEC_PERM: return Event::Kind::open_exec;
    default: return std::nullopt;
  }
}

// Records of kinds unknown here are passed over, as the interface asks for.
bool read_records(Bytes records, RawEvent& event) {
  while (!records.empty()) {
    const auto header = front_of<fanotify_event_info_header>(records);
    if (!header || header->len < sizeof *header || header->len > records.size()) return false;
    if (header->info_type == kInfoRange) {
      const auto range = front_of<InfoRange>(records.first(header->len));
      if (!range) return false;
      event.offset = range->offset;
      event.count = range->count;
    }
    records = records.subspan(header->len);
  }
  return true;
}

// False: this is nothing that a kernel writes.
bool decode_one(const fanotify_event_metadata& metadata, Bytes records, RawEvents& out) {
  if ((metadata.mask & FAN_Q_OVERFLOW) != 0) {
    out.overflow = true;
    return true;
  }
  RawEvent event;
  event.number = metadata.fd;
  event.pid = metadata.pid;
  const auto kind = kind_of(metadata.mask);
  if (!kind || !read_records(records, event)) return false;
  event.kind = *kind;
  if (event.number < 0) {
    ++out.failed;
  } else {
    out.events.push_back(event);
  }
  return true;
}

}  // namespace

RawEvents decode_events(Bytes bytes) {
  RawEvents out;
  while (!bytes.empty() && out.valid) {
    const auto metadata = metadata_of(bytes);
    if (!metadata) {
      out.valid = false;
      break;
    }
    const auto event = bytes.first(metadata->event_len);
    out.valid = decode_one(*metadata, event.subspan(metadata->metadata_len), out);
    bytes = bytes.subspan(event.size());
  }
  return out;
}

Result<Events> parse_events(Bytes bytes) {
  const RawEvents raw = decode_events(bytes);
  Events out;
  out.failed = raw.failed;
  out.overflow = raw.overflow;
  out.events.reserve(raw.events.size());
  for (const RawEvent& event : raw.events) {
    out.events.push_back(
        {event.kind, UniqueFd(event.number), event.offset, event.count, event.pid});
  }
  if (raw.valid) return out;
  return fail(Errc::bad_reply, "the kernel wrote an event that this program does not know");
}

}  // namespace lazymirror::fanotify
