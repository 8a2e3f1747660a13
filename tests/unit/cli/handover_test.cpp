// SPDX-License-Identifier: Apache-2.0
#include "cli/handover.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace lazymirror::cli {
namespace {

int in_a_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(HandoverTest, OneProcessLeavesToTheNextWhatWasChanged) {
  auto handover = *Handover::make(false);
  EXPECT_FALSE(handover.offline());
  EXPECT_FALSE(handover.config());
  EXPECT_EQ(in_a_child([&] {
              handover.set_offline(true);
              handover.set_config("ttl = 1h\n");
              handover.set_config("ttl = 2h\n");
              return handover.offline();
            }),
            0);
  EXPECT_EQ(in_a_child([&] { return handover.config() == "ttl = 2h\n"; }), 0);
  EXPECT_TRUE(handover.offline());
}

TEST(HandoverTest, BeginsAsTheOptionsSay) { EXPECT_TRUE(Handover::make(true)->offline()); }

TEST(HandoverTest, KeepsTextsOfAnySizeThatIsAllowed) {
  auto handover = *Handover::make(false);
  const std::string most(Handover::kMostText, 'x');
  for (const std::string& text : {std::string(), most, std::string("a")}) {
    handover.set_config(text);
    EXPECT_EQ(handover.config(), text);
  }
  handover.set_config(most + "x");
  EXPECT_EQ(handover.config(), "a");
}

}  // namespace
}  // namespace lazymirror::cli
