// SPDX-License-Identifier: Apache-2.0
//
// A wire with latency, for kernels without netem: `delay_line ROUND_TRIP_MS`
// makes two network namespaces, each with a TUN device, and hands every packet
// over half a round trip after it came. TCP on both sides is the kernel's own,
// so handshakes, slow start and window limits are real. With 0 there is one
// namespace and its loopback device.
//
// Prints "CLIENT SERVER", two paths for nsenter --net, once both ends are up
// (client 10.99.0.1, server 10.99.0.2), and serves until its standard input
// ends. The namespaces have no names: the kernel takes them away with the last
// process in them, however that ends.
//
// Packets pass with their virtio header, unsegmented (MTU 1500, up to 64 KiB a
// piece), which makes some gigabits a second possible on one core.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace {

using lazymirror::UniqueFd;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargestPacket = 66'000;
constexpr std::size_t kMostBytesHeld = std::size_t{512} << 20;
constexpr int kBatch = 64;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

UniqueFd must(int fd, const char* what) {
  if (fd < 0) fail(what);
  return UniqueFd(fd);
}

ifreq request_for(const char* device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  return request;
}

void set_address(const UniqueFd& socket, const char* device, unsigned long what,
                 const char* address) {
  ifreq request = request_for(device);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = ::inet_addr(address);
  std::memcpy(&request.ifr_addr, &in, sizeof in);
  if (::ioctl(socket.get(), what, &request) != 0) fail(address);
}

void bring_up(const UniqueFd& socket, const char* device) {
  ifreq request = request_for(device);
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) fail(device);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) fail(device);
}

void configure(const char* device, const char* address) {
  const UniqueFd socket = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  bring_up(socket, "lo");
  set_address(socket, device, SIOCSIFADDR, address);
  set_address(socket, device, SIOCSIFNETMASK, "255.255.255.252");
  ifreq queue = request_for(device);
  queue.ifr_qlen = 10'000;
  if (::ioctl(socket.get(), SIOCSIFTXQLEN, &queue) != 0) fail("txqueuelen");
  bring_up(socket, device);
}

// Moves this process into a network namespace of its own.
UniqueFd new_namespace() {
  if (::unshare(CLONE_NEWNET) != 0) fail("unshare");
  return must(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "/proc/self/ns/net");
}

// In the namespace of the moment, in which it stays.
UniqueFd make_tun(const char* address) {
  UniqueFd tun = must(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun");
  ifreq request = request_for("wire0");
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(tun.get(), TUNSETIFF, &request) != 0) fail("TUNSETIFF");
  if (::ioctl(tun.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0) {
    fail("TUNSETOFFLOAD");
  }
  configure("wire0", address);
  return tun;
}

struct Packet {
  Clock::time_point due;
  std::vector<char> bytes;
};

// One direction.
class Line {
 public:
  Line(int from, int to, Clock::duration delay) : from_(from), to_(to), delay_(delay) {}

  void take_in() {
    for (int i = 0; i < kBatch; ++i) {
      const ssize_t n = ::read(from_, buffer_.data(), buffer_.size());
      if (n <= 0) return;
      // A full wire drops, as others do.
      if (held_ + static_cast<std::size_t>(n) > kMostBytesHeld) continue;
      held_ += static_cast<std::size_t>(n);
      packets_.push_back({Clock::now() + delay_, {buffer_.begin(), buffer_.begin() + n}});
    }
  }

  void hand_over() {
    const auto now = Clock::now();
    while (!packets_.empty() && packets_.front().due <= now) {
      const std::vector<char>& bytes = packets_.front().bytes;
      if (::write(to_, bytes.data(), bytes.size()) < 0 && errno == EBADFD) fail("write");
      held_ -= bytes.size();
      packets_.pop_front();
    }
  }

  Clock::time_point next() const {
    return packets_.empty() ? Clock::time_point::max() : packets_.front().due;
  }

 private:
  int from_, to_;
  Clock::duration delay_;
  std::deque<Packet> packets_;
  std::size_t held_ = 0;
  std::array<char, kLargestPacket> buffer_{};
};

// Ends with the standard input.
void serve(const UniqueFd& client, const UniqueFd& server, Clock::duration delay) {
  Line out(client.get(), server.get(), delay), back(server.get(), client.get(), delay);
  std::array<pollfd, 3> watched{
      {{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
  while (watched[2].revents == 0) {
    out.hand_over();
    back.hand_over();
    const auto next = std::min({out.next(), back.next(), Clock::now() + std::chrono::hours(1)});
    const auto wait = std::max(next - Clock::now(), Clock::duration::zero());
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(wait);
    const timespec limit{whole.count(), (wait - whole).count()};
    if (::ppoll(watched.data(), watched.size(), &limit, nullptr) <= 0) continue;
    if (watched[0].revents != 0) out.take_in();
    if (watched[1].revents != 0) back.take_in();
  }
}

// A wire does not wait for a processor. Where this is not allowed it is less exact.
void run_before_all_others() {
  ::prctl(PR_SET_TIMERSLACK, 1);
  const sched_param priority{.sched_priority = 1};
  ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority);
}

std::string path_of(const UniqueFd& space) {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(space.get());
}

void wait_for_end_of_input() {
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

void run(double round_trip_ms) {
  const UniqueFd server_space = new_namespace();
  if (round_trip_ms == 0) {
    configure("lo", "10.99.0.2");
    std::cout << path_of(server_space) << ' ' << path_of(server_space) << std::endl;
    return wait_for_end_of_input();
  }
  const UniqueFd server = make_tun("10.99.0.2");
  const UniqueFd client_space = new_namespace();
  const UniqueFd client = make_tun("10.99.0.1");
  run_before_all_others();
  std::cout << path_of(client_space) << ' ' << path_of(server_space) << std::endl;
  const std::chrono::duration<double, std::milli> one_way(round_trip_ms / 2);
  serve(client, server, std::chrono::duration_cast<Clock::duration>(one_way));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::runtime_error("usage: delay_line ROUND_TRIP_MS");
    run(std::stod(argv[1]));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "delay_line: " << error.what() << '\n';
    return 1;
  }
}
