// SPDX-License-Identifier: Apache-2.0
//
// The recipe of docs/scaling.md: nginx keeps slices for a site whose machines
// each have a cache of their own. Each machine is a network namespace, joined to
// the site's by a wire of its own. And what may happen to one machine's wire.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <regex>
#include <set>
#include <sstream>

#include "base/unique_fd.h"
#include "support/child_process.h"
#include "support/daemon.h"
#include "support/oracle_origin.h"
#include "support/private_mounts.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "support/truth.h"
#include "support/waiting.h"

namespace lazymirror::testing {
namespace {

using std::chrono::seconds;

constexpr const char* kNginx = "/usr/sbin/nginx";

std::string needs_all() {
  if (auto reason = needs_the_program_and_fuse(); !reason.empty()) return reason;
  if (::access(kNginx, X_OK) != 0) return "nginx is not installed";
  return run_command({"ip", "-V"}).status == 0 ? "" : "ip(8) is not installed";
}

const auto* const environment = ::testing::AddGlobalTestEnvironment(new PrivateMounts(needs_all));

// A machine of the site. It has the address 10.77.N.2, the site is 10.77.N.1 to it.
class Machine {
 public:
  explicit Machine(int number) : number_(std::to_string(number)) {
    must("ip netns add m" + number_);
    must("ip link add v" + number_ + " type veth peer name eth0 netns m" + number_);
    must("ip addr add " + site() + "/24 dev v" + number_);
    must("ip link set v" + number_ + " up");
    must("ip -n m" + number_ + " link set lo up");
    set_address(2);
    plug_in(true);
  }
  ~Machine() { (void)run_shell("ip link del v" + number_ + "; ip netns del m" + number_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  [[nodiscard]] std::string site() const { return "10.77." + number_ + ".1"; }
  void set_address(int last) {
    must("ip -n m" + number_ + " addr flush dev eth0");
    must("ip -n m" + number_ + " addr add 10.77." + number_ + "." + std::to_string(last) +
         "/24 dev eth0");
  }
  void plug_in(bool in) { must("ip -n m" + number_ + " link set eth0 " + (in ? "up" : "down")); }

  // What `start` starts runs on this machine.
  template <typename F>
  auto here(F&& start) const {
    const UniqueFd site(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    const UniqueFd own(::open(("/run/netns/m" + number_).c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::setns(own.get(), CLONE_NEWNET), 0);
    auto started = start();
    EXPECT_EQ(::setns(site.get(), CLONE_NEWNET), 0);
    return started;
  }

 private:
  static void must(const std::string& line) {
    const auto done = run_shell(line);
    EXPECT_EQ(done.status, 0) << line << ": " << done.output;
  }
  const std::string number_;
};

class Site : public ::testing::Test {
 protected:
  // A network of its own, with names that nobody else sees.
  static void SetUpTestSuite() {
    if (::testing::Test::IsSkipped()) return;
    std::filesystem::create_directories("/run/netns");
    ASSERT_EQ(::mount("tmpfs", "/run/netns", "tmpfs", 0, nullptr), 0);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    ASSERT_EQ(run_shell("ip link set lo up").status, 0);
  }

  // The configuration is that of docs/scaling.md, for this place and port.
  void start_cache() {
    std::ifstream document(LAZYMIRROR_SCALING_DOCUMENT);
    const std::string text(std::istreambuf_iterator<char>(document), {});
    const auto begin = text.find("```nginx\n");
    ASSERT_NE(begin, std::string::npos);
    std::string recipe = text.substr(begin + 9, text.find("```", begin + 9) - begin - 9);
    replace(recipe, "/var/cache/nginx/site", work_ / "site");
    replace(recipe, "listen 80;", "listen 8080;");
    replace(recipe, "https://mirror.example.org",
            origin_.url().substr(0, origin_.url().size() - 1));
    std::string config = "daemon off; master_process off; pid " + (work_ / "pid") +
                         ";\nevents { worker_connections 1024; }\nhttp {\n";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      config += std::string("  ") + kind + "_temp_path " + (work_ / kind) + ";\n";
    }
    config += "  log_format plain '$request_method $request_uri $http_range';\n  access_log " +
              (work_ / "access.log") + " plain;\n" + recipe + "}\n";
    nginx_ = std::make_unique<ChildProcess>(
        ChildOptions{.argv = {kNginx, "-p", work_.path(), "-e", work_ / "error.log", "-c",
                              work_.write("nginx.conf", config)},
                     .log_file = work_ / "nginx.log"});
    ASSERT_TRUE(wait_for_port(8080, *nginx_, seconds(20))) << nginx_->log();
  }

  std::unique_ptr<Daemon> mount_on(const Machine& machine, const std::string& url,
                                   std::vector<std::string> options = {}) {
    const std::string name = std::to_string(mounts_++);
    DaemonOptions daemon{.url = url,
                         .mountpoint = work_.make_dir("mnt" + name),
                         .cache = work_ / ("cache" + name),
                         .options = std::move(options)};
    return machine.here([&] { return std::make_unique<Daemon>(std::move(daemon), work_); });
  }

  // Ranges that were asked of nginx: path, begin, end (exclusive).
  struct Asked {
    std::string path;
    std::uint64_t begin = 0, end = 0;
  };
  [[nodiscard]] std::vector<Asked> asked_for() const {
    std::ifstream log(work_ / "access.log");
    const std::regex line(R"(GET (\S+) bytes=(\d+)-(\d+))");
    std::vector<Asked> asked;
    for (std::string text; std::getline(log, text);) {
      std::smatch part;
      if (!std::regex_match(text, part, line)) continue;
      asked.push_back({part[1], std::stoull(part[2]), std::stoull(part[3]) + 1});
    }
    return asked;
  }

  TempDir work_;
  OracleOrigin origin_;
  std::unique_ptr<ChildProcess> nginx_;

 private:
  static void replace(std::string& text, const std::string& what, const std::string& by) {
    ASSERT_NE(text.find(what), std::string::npos) << what;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
      text.replace(at, what.size(), by);
    }
  }
  int mounts_ = 0;
};

TEST_F(Site, OfEightMachinesFetchesEachByteOnce) {
  std::map<std::string, std::uint64_t> files{{"/large", 24'000'001}, {"/empty", 0}};
  for (int i = 0; i < 20; ++i) {
    files["/d/small" + std::to_string(i)] = 10'000 + 7'919 * static_cast<std::uint64_t>(i);
  }
  for (const auto& [path, size] : files) origin_.put(path, {.size = size});
  start_cache();
  if (HasFatalFailure()) return;

  std::vector<std::unique_ptr<Machine>> machines;
  std::vector<std::unique_ptr<Daemon>> daemons;
  for (int i = 1; i <= 8; ++i) {
    machines.push_back(std::make_unique<Machine>(i));
    daemons.push_back(mount_on(*machines.back(), "http://" + machines.back()->site() + ":8080/"));
  }
  for (const auto& daemon : daemons) ASSERT_TRUE(daemon->ready());
  std::vector<std::future<void>> readers;
  for (const auto& daemon : daemons) {
    readers.push_back(std::async(std::launch::async, [&files, mnt = daemon->mountpoint()] {
      for (const auto& [path, size] : files) EXPECT_TRUE(file_is(mnt + path, path, 1, size));
    }));
  }
  for (auto& reader : readers) reader.get();

  std::uint64_t size = 0, sent = 0;
  for (const auto& [path, bytes] : files) {
    size += bytes;
    sent += origin_.body_bytes(path);
  }
  EXPECT_GE(sent, size);
  EXPECT_LE(sent, size + size / 20) << "the origin sent more than once what it has once";

  constexpr std::uint64_t kChunk = 64u << 10, kSlice = 1u << 20;
  const auto asked = asked_for();
  EXPECT_FALSE(asked.empty());
  for (const Asked& range : asked) {
    const std::uint64_t end = files.at(range.path);
    EXPECT_EQ(range.begin % kChunk, 0u) << range.path << ' ' << range.begin;
    EXPECT_TRUE(range.end % kChunk == 0 || range.end == end) << range.path << ' ' << range.end;
    if (range.end - range.begin <= 4 * kSlice) continue;
    EXPECT_TRUE(range.end % kSlice == 0 || range.end == end) << range.path << ' ' << range.end;
  }
  for (const auto& daemon : daemons) EXPECT_EQ(daemon->terminate(), 0);
}

TEST_F(Site, AChangeAtTheOriginReachesTheMachines) {
  origin_.put("/d/f", {.size = 3'000'000});
  start_cache();
  if (HasFatalFailure()) return;
  const Machine machine(1);
  const auto daemon = mount_on(machine, "http://" + machine.site() + ":8080/", {"--ttl=1s"});
  ASSERT_TRUE(daemon->ready());
  ASSERT_TRUE(file_is(daemon->mountpoint() + "/d/f", "/d/f", 1, 3'000'000));
  origin_.put("/d/f", {.size = 3'500'000, .version = 2, .mtime = 1'700'009'000});
  EXPECT_TRUE(
      eventually([&] { return bool(file_is(daemon->mountpoint() + "/d/f", "/d/f", 2, 3'500'000)); },
                 seconds(60)));
  EXPECT_EQ(daemon->terminate(), 0);
}

// The oracle listens on the loopback device only: nginx is the origin's door.
class Wire : public Site {
 protected:
  Wire() { origin_.put("/d/f", {.size = kSize}); }

  static constexpr std::uint64_t kSize = 1'000'003;
};

TEST_F(Wire, AReaderGoesOnWhenTheMachineHasAnotherAddress) {
  origin_.put("/d/g", {.size = kSize});
  start_cache();
  if (HasFatalFailure()) return;
  Machine machine(1);
  const auto daemon = mount_on(machine, "http://" + machine.site() + ":8080/",
                               {"--timeout=2min", "--low-speed-time=2s", "--connect-timeout=2s"});
  ASSERT_TRUE(daemon->ready());
  ASSERT_TRUE(file_is(daemon->mountpoint() + "/d/f", "/d/f", 1, kSize));
  machine.plug_in(false);
  auto reader = std::async(
      std::launch::async, [&] { return file_is(daemon->mountpoint() + "/d/g", "/d/g", 1, kSize); });
  EXPECT_TRUE(file_is(daemon->mountpoint() + "/d/f", "/d/f", 1, kSize));
  EXPECT_EQ(reader.wait_for(seconds(3)), std::future_status::timeout);
  machine.set_address(3);
  machine.plug_in(true);
  EXPECT_TRUE(reader.get());
  EXPECT_EQ(daemon->terminate(), 0);
}

}  // namespace
}  // namespace lazymirror::testing
