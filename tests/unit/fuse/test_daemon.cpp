// SPDX-License-Identifier: Apache-2.0
//
// A mount over the fake engine, in a process of its own (a process that serves
// a mount must never use it):
//   fuse_test_daemon MOUNTPOINT DATADIR SOCKET passthrough|cached|automatic [-o ITEM]...
// Commands come as lines over the unix socket SOCKET, each answered by a line.
// Ends with status 0 when unmounted or told to stop, 1 with a sentence on
// standard error when it could not mount.
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "fuse/mount.h"
#include "unit/fuse/fake_engine.h"

namespace lazymirror::testing {
namespace {

void make_tree(FakeEngine& engine) {
  engine.add_file("/small", 1'000, true);
  engine.add_file("/done", 2U << 20U, true);
  engine.add_file("/big", (3U << 20U) + 77, false);
  engine.add_file("/empty", 0, true);
  engine.add_file("/full", 300'000, false);
  engine.refuse("/full");
  engine.add_file("/unknown", 5'000, false, FakeEngine::Size::unknown);
  engine.add_directory("/dir");
  engine.add_directory("/dir/sub");
  engine.add_file("/dir/sub/leaf", 10, true);
  for (int i = 0; i < 500; ++i) {
    engine.add_file("/dir/file-" + std::to_string(i), 10 + static_cast<unsigned>(i), true);
  }
  engine.add_copy("/prog", "/bin/true");
}

std::string answer(FakeEngine& engine, fuse::Mount& mount, const std::string& line) {
  std::istringstream words(line);
  std::string command, path;
  words >> command >> path;
  const auto said = [](bool done) { return std::string(done ? "ok" : "failed"); };
  if (command == "hold") return said(engine.hold(path));
  if (command == "unhold") return said(engine.unhold(path));
  if (command == "complete") return said(engine.complete(path));
  if (command == "change") return said(engine.change(path));
  if (command == "remove") return said(engine.remove(path));
  if (command == "waiters") return said(engine.wait_for_waiters(std::stoul(path)));
  if (command == "cancels") return said(engine.wait_for_cancels(std::stoul(path)));
  if (command == "opens") return std::to_string(engine.opens());
  if (command == "strategy") return mount.strategy().name + ": " + mount.strategy().reason;
  if (command == "stop") {
    mount.stop();
    return "ok";
  }
  return "unknown command";
}

void serve_commands(int listener, FakeEngine& engine, fuse::Mount& mount) {
  for (;;) {
    const UniqueFd client(::accept(listener, nullptr, nullptr));
    if (!client.valid()) return;  // shut down: the daemon ends
    char line[512];
    const ssize_t n = ::read(client.get(), line, sizeof line);
    if (n <= 0) continue;
    const std::string reply =
        answer(engine, mount, std::string(line, static_cast<std::size_t>(n))) + "\n";
    static_cast<void>(::write(client.get(), reply.data(), reply.size()));
  }
}

UniqueFd listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 8) != 0) {
    std::perror("fuse_test_daemon: socket");
    return {};
  }
  return fd;
}

fuse::MountOptions options_from(char** argv, int argc) {
  fuse::MountOptions options;
  options.mountpoint = argv[1];
  options.cache_directory = argv[2];
  options.source = "http://origin/a,b\\c";
  const std::string io = argv[4];
  options.io = io == "passthrough" ? fuse::IoMode::passthrough
               : io == "cached"    ? fuse::IoMode::cached
                                   : fuse::IoMode::automatic;
  for (int i = 6; i < argc; i += 2) options.fuse_options.emplace_back(argv[i]);
  return options;
}

int run(int argc, char** argv) {
  if (argc < 5) return 2;
  spdlog::set_level(spdlog::level::debug);
  FakeEngine engine(argv[2]);
  make_tree(engine);
  const UniqueFd listener = listen_at(argv[3]);
  if (!listener.valid()) return 2;
  auto mount = fuse::Mount::create(options_from(argv, argc), engine);
  if (!mount) {
    std::fprintf(stderr, "error: %s\n", mount.error().message.c_str());
    return 1;
  }
  std::thread commands([&] { serve_commands(listener.get(), engine, **mount); });
  std::printf("mounted\n");
  std::fflush(stdout);
  const Result<> served = (*mount)->serve();
  ::shutdown(listener.get(), SHUT_RDWR);
  commands.join();
  mount->reset();
  if (!served) std::fprintf(stderr, "error: %s\n", served.error().message.c_str());
  return served ? 0 : 1;
}

}  // namespace
}  // namespace lazymirror::testing

int main(int argc, char** argv) { return lazymirror::testing::run(argc, argv); }
