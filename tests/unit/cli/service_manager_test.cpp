// SPDX-License-Identifier: Apache-2.0
#include "cli/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>

#include "support/descriptor_store.h"
#include "support/waiting.h"
#include "unit/cli/notify_socket.h"

namespace lazymirror::cli {
namespace {

using lazymirror::testing::NotifySocket;

class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManager manager(const char* period, const std::string& pid) {
    ::setenv("NOTIFY_SOCKET", socket_.path().c_str(), 1);
    ::setenv("WATCHDOG_USEC", period, 1);
    ::setenv("WATCHDOG_PID", pid.c_str(), 1);
    return ServiceManager::of_environment();
  }
  ServiceManager manager(const char* period) { return manager(period, std::to_string(::getpid())); }

  NotifySocket socket_;
};

TEST_F(ServiceManagerTest, IsToldWhatHappens) {
  const ServiceManager told = manager("30000000");
  told.ready("the tree is there");
  told.alive();
  told.stopping();
  EXPECT_EQ(socket_.receive(), "READY=1\nSTATUS=the tree is there");
  EXPECT_EQ(socket_.receive(), "WATCHDOG=1");
  EXPECT_EQ(socket_.receive(), "STOPPING=1");
  EXPECT_EQ(told.watchdog(), Duration(30'000));
}

TEST(ServiceManagerStoreTest, KeepsADescriptorFromOneRunToTheNext) {
  testing::DescriptorStore store;
  ::setenv("NOTIFY_SOCKET", store.environment().front().substr(sizeof "NOTIFY_SOCKET").c_str(), 1);
  const ServiceManager manager = ServiceManager::of_environment();
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd kept(ends[0]), other(ends[1]);
  ASSERT_TRUE(manager.keep("line", kept.get()));
  EXPECT_EQ(store.names(), std::vector<std::string>{"line"});
  manager.forget("line");
  EXPECT_TRUE(testing::eventually([&] { return store.names().empty(); }));
}

TEST_F(ServiceManagerTest, ProcessesThatWeStartDoNotSpeakForUs) {
  const ServiceManager told = manager("30000000");
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
}

TEST_F(ServiceManagerTest, TheWatchdogOfAnotherProcessIsNotOurs) {
  const ServiceManager told = manager("30000000", "1");
  told.alive();
  told.ready("");
  EXPECT_EQ(socket_.receive(), "READY=1\nSTATUS=");
}

TEST_F(ServiceManagerTest, WithoutOneNothingHappens) {
  const ServiceManager nobody = ServiceManager::of_environment();
  nobody.ready("");
  nobody.alive();
  const Heartbeat none(nobody, [] { return true; });
  EXPECT_EQ(nobody.watchdog(), Duration(0));
}

TEST_F(ServiceManagerTest, TheHeartBeatsOnlyWhileThereIsLife) {
  const ServiceManager told = manager("30000");
  std::atomic<unsigned> asked{0};
  const Heartbeat heartbeat(told, [&] { return ++asked > 3; });
  EXPECT_EQ(socket_.receive(), "WATCHDOG=1");
  EXPECT_GT(asked.load(), 3u);
  EXPECT_EQ(socket_.receive(), "WATCHDOG=1");
}

}  // namespace
}  // namespace lazymirror::cli
