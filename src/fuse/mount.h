// SPDX-License-Identifier: Apache-2.0
//
// The FUSE front end: shows the engine's tree at a mount point. This room is
// the only one that includes libfuse; this header does not.
//
// Two strategies (docs/architecture.md, "Two ways to read"): passthrough lets
// the kernel read complete files straight from the cache; cached keeps pages
// and listings in the kernel and opens without a round trip.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"

namespace lazymirror::fuse {

enum class IoMode { automatic, passthrough, cached };

struct MountOptions {
  std::string mountpoint;
  std::string source;  // shown by mount(8) and df(1); no user information
  IoMode io = IoMode::automatic;
  std::vector<std::string> fuse_options;  // each a -o item: "allow_other", "ro", "uid=1000"
  Duration attribute_ttl{300'000};        // how long the kernel may believe names and attributes
  Duration negative_ttl{30'000};          // and that there is no such name; at most ten seconds
  Duration timeout{60'000};               // of every system call that waits for the network
  unsigned threads = 4;
  // Where the cache lies: passthrough needs to know whether that is a stacked
  // file system (overlayfs), and a cache below the mount point would hang.
  std::string cache_directory;
};

class Mount {
 public:
  // Mounts and starts to answer. A dead mount of our own at the mount point (a
  // daemon that was killed) is taken away first. Errors are sentences for the
  // user: Errc::not_found, Errc::not_a_directory, Errc::busy (something else is
  // mounted there), Errc::denied, Errc::unsupported (passthrough was demanded
  // and cannot be had, with the reason), Errc::invalid (an unknown -o item).
  [[nodiscard]] static Result<std::unique_ptr<Mount>> create(MountOptions options, Engine& engine);
  virtual ~Mount() = default;  // unmounts (lazily when busy) if still mounted

  // Blocks until the tree is unmounted (umount, fusermount3) or stop() was
  // called; an error when the session broke.
  virtual Result<> serve() = 0;
  virtual void stop() = 0;  // from any thread; not from a signal handler

  // Whether a request would be taken: not if every thread is at one that it was
  // at already when this was called before. Nothing here waits for the network.
  [[nodiscard]] virtual bool is_alive() = 0;

  // For what the kernel is told from now on. REQUIRES: `attribute_ttl` is zero if
  // and only if it was so at the start.
  virtual void set_ttls(Duration attribute_ttl, Duration negative_ttl) = 0;

  // As in the mount table: "0:52".
  [[nodiscard]] virtual std::string device() const = 0;

  // "passthrough" or "cached", and why: for the log and for status.
  struct Strategy {
    std::string name, reason;
  };
  [[nodiscard]] virtual Strategy strategy() const = 0;
};

// Whether each is a -o item that create() takes; Errc::invalid with a sentence.
[[nodiscard]] Result<> check_mount_options(const std::vector<std::string>& items);

// "libfuse 3.18.3 (passthrough)": for --version.
[[nodiscard]] std::string version_text();

}  // namespace lazymirror::fuse
