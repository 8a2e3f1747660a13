// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as what read(2) of a fanotify group returns. Numbers only: no
// descriptor that the bytes name is ever owned, or closed.
#include <cstdint>
#include <span>

#include "expect.h"
#include "fanotify/event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lazymirror::fanotify;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const RawEvents raw = decode_events(bytes);
  // An event takes 24 bytes at least.
  LM_FUZZ_EXPECT((raw.events.size() + raw.failed) * 24 <= size);
  for (const RawEvent& event : raw.events) {
    LM_FUZZ_EXPECT(event.number >= 0);
    LM_FUZZ_EXPECT(event.kind <= Event::Kind::open_exec);
    LM_FUZZ_EXPECT(event.offset || event.count == 0);
  }
  // What was decoded does not depend on what follows it.
  if (!raw.valid) {
    LM_FUZZ_EXPECT(size > 0);
  } else {
    std::vector<std::byte> longer(bytes.begin(), bytes.end());
    longer.resize(size + 24);
    const RawEvents again = decode_events(longer);
    LM_FUZZ_EXPECT(!again.valid && again.events.size() == raw.events.size());
  }
  return 0;
}
