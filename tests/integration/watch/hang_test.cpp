// SPDX-License-Identifier: Apache-2.0
//
// Workers that hang, each thread in turn, are replaced; those that only have
// much to do, or a disk that is slow, are not.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "integration/watch/watch.h"
#include "support/led_astray.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSize = 8u << 20;

struct Hang {
  std::string name;
  std::string thread;
  Astray where;
};
void PrintTo(const Hang& hang, std::ostream* out) { *out << hang.name; }

// What a worker is replaced after is arithmetic (WorkersHealth, LateLanesTest);
// how fast that goes depends on what else the machine does.
class AWorkerThatHangs : public Watch, public ::testing::WithParamInterface<Hang> {
 protected:
  AWorkerThatHangs() : Watch(SmallFs::Kind::ext4) {}

  static pid_t next_worker(pid_t keeper, pid_t before) {
    pid_t worker = -1;
    EXPECT_TRUE(eventually(
        [&] {
          worker = worker_of(keeper);
          return worker > 0 && worker != before;
        },
        seconds(60)));
    return worker;
  }
};
INSTANTIATE_TEST_SUITE_P(
    In, AWorkerThatHangs,
    ::testing::Values(Hang{"TheDispatcherSpinning", "lazymirror", Astray::spinning},
                      Hang{"TheNetworkSpinning", "lm-network", Astray::spinning},
                      Hang{"TheNetworkAsleep", "lm-network", Astray::asleep},
                      Hang{"ThePoolOfEventsSpinning", "lm-watch", Astray::spinning},
                      Hang{"ThePoolOfTheEngineAsleep", "lm-engine", Astray::asleep},
                      Hang{"TheTimersAsleep", "lm-timer", Astray::asleep},
                      Hang{"PlacingAsleep", "lm-place", Astray::asleep}),
    [](const auto& of) { return of.param.name; });

TEST_P(AWorkerThatHangs, IsReplaced) {
  LM_REQUIRE(can_lead_astray(), "leads threads astray on x86-64 only");
  origin.put("/d/before", {.size = 4096});
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  ASSERT_TRUE(is_right("/d/before", 4096));
  const pid_t worker = worker_of(daemon->pid());
  auto threads = threads_named(worker, GetParam().thread);
  for (const pid_t more : threads_named(worker, GetParam().thread + "-now"))
    threads.push_back(more);
  ASSERT_FALSE(threads.empty());
  for (const pid_t thread : threads) {
    ASSERT_TRUE(lead_astray(worker, thread, GetParam().where)) << std::strerror(errno);
  }
  EXPECT_GT(next_worker(daemon->pid(), worker), 0);
  EXPECT_TRUE(is_right("/d/f", kSize));
}

class AWorkerThatIsSlow : public Watch {
 protected:
  AWorkerThatIsSlow() : Watch(SmallFs::Kind::xfs) {}
};

TEST_F(AWorkerThatIsSlow, BecauseTheMachineIsBusyStays) {
  constexpr unsigned kFiles = 3'000;
  for (unsigned i = 0; i < kFiles; ++i) origin.put("/d/f" + std::to_string(i), {.size = 100});
  origin.put("/big", {.size = 3 * kSize});
  auto daemon = watched({"--timeout=5min"});
  const pid_t worker = worker_of(daemon->pid());
  std::vector<std::unique_ptr<ChildProcess>> others;
  for (int i = 0; i < 16; ++i) {
    others.push_back(
        std::make_unique<ChildProcess>(ChildOptions{.argv = {"sh", "-c", "while :; do :; done"}}));
  }
  Readers readers({{at("/big"), "/big", 3 * kSize}}, 8);
  struct stat info {};
  for (unsigned i = 0; i < kFiles; i += 100) {
    EXPECT_EQ(::stat(at("/d/f" + std::to_string(i)).c_str(), &info), 0);
  }
  // As long as it takes to be given up.
  const std::uint64_t before = readers.reads();
  let_pass(seconds(6));
  EXPECT_TRUE(eventually([&] { return readers.reads() > before; }));
  readers.stop();
  EXPECT_EQ(readers.wrong(), 0u) << readers.first_wrong();
  EXPECT_EQ(worker_of(daemon->pid()), worker) << daemon->log();
}

TEST_F(AWorkerThatIsSlow, BecauseItsDiskIsSlowStays) {
  origin.put("/big", {.size = 3 * kSize});
  auto daemon = watched({"--timeout=5min"});
  ASSERT_EQ(stat_error(at("/big")), 0);
  const pid_t worker = worker_of(daemon->pid());
  const UniqueFd root(::open(fs.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::ioctl(root.get(), FIFREEZE, 0), 0);
  Caught read([&] { return is_right("/big", 3 * kSize) ? 0 : EIO; });
  let_pass(seconds(8));  // longer than it takes to be given up
  EXPECT_EQ(worker_of(daemon->pid()), worker) << daemon->log();
  ASSERT_EQ(::ioctl(root.get(), FITHAW, 0), 0);
  EXPECT_EQ(read.error(seconds(60)), 0);
  EXPECT_EQ(worker_of(daemon->pid()), worker) << daemon->log();
}

}  // namespace
}  // namespace lazymirror::testing
