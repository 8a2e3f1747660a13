// SPDX-License-Identifier: Apache-2.0
#include "cli/service_manager.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

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
