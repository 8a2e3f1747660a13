// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a request to a running tree: what is accepted is flat, and reads
// the same after it was written.
#include <cstdint>
#include <string>
#include <string_view>

#include "control/message.h"
#include "expect.h"

using namespace lazymirror::control;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto message = parse_message(bytes)) {
    const std::string line = write_message(*message);
    const std::string_view body = std::string_view(line).substr(0, line.size() - 1);
    LM_FUZZ_EXPECT(body.find('\n') == body.npos);
    const auto again = parse_message(body);
    LM_FUZZ_EXPECT(body.size() > kMaxMessage || (again && *again == *message));
    if (const auto text = text_of(*message, "path")) (void)decode_path(*text);
  }
  const auto path = decode_path(encode_path(bytes));
  LM_FUZZ_EXPECT(path && *path == bytes);
  return 0;
}
