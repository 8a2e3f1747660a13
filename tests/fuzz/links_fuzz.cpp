// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a link: the short cut says what the URL library says.
#include <cstdint>
#include <string_view>

#include "expect.h"
#include "listing/link_judge.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lazymirror;
  static const Url root = Url::parse("http://h/").value();
  static const Url below = Url::parse("http://h:81/a%20b/c/").value();
  const std::string_view href(reinterpret_cast<const char*>(data), size);
  for (const Url* base : {&root, &below}) {
    const LinkJudge judge(*base, true);
    const Link quick = judge.judge(href);
    const Link slow = judge.judge_by_url(href);
    LM_FUZZ_EXPECT(quick.kind == slow.kind);
    LM_FUZZ_EXPECT(quick.segment == slow.segment);
    LM_FUZZ_EXPECT(quick.directory == slow.directory);
    if (quick.kind != LinkKind::child) continue;
    LM_FUZZ_EXPECT(quick.segment.find('/') == quick.segment.npos);
    LM_FUZZ_EXPECT(base->child(quick.segment, quick.directory).has_value());
  }
  return 0;
}
