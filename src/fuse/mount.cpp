// SPDX-License-Identifier: Apache-2.0
#include "fuse/mount.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "fuse/filesystem.h"
#include "fuse/mount_arguments.h"
#include "fuse/mountpoint.h"
#include "fuse/notifier.h"
#include "fuse/session.h"
#include "fuse/strategy.h"

namespace lazymirror::fuse {
namespace {

constexpr Duration kHandshakeTimeout{10'000};
// A name that appears at the origin is seen at most this much later than the
// listing that shows it: the engine tells of changed directories, not of each
// new name in them.
constexpr Duration kNegativeTtl{10'000};
constexpr unsigned kReadAheadKib = 1024;

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1000.0; }

double negative_seconds(Duration attribute_ttl, Duration negative_ttl) {
  return seconds(std::min({attribute_ttl, negative_ttl, kNegativeTtl}));
}

// The daemon would wait for itself at the first cache access.
Result<> check_cache_is_elsewhere(const std::string& cache_directory, const std::string& place) {
  if (cache_directory.empty()) return {};
  char* const resolved = ::realpath(cache_directory.c_str(), nullptr);
  const std::string cache = resolved != nullptr ? resolved : cache_directory;
  std::free(resolved);
  if (cache != place && !cache.starts_with(place + "/")) return {};
  return fail(Errc::invalid, "the cache " + cache + " lies below the mount point " + place +
                                 "; choose another place for one of them");
}

class FuseMount final : public Mount {
 public:
  FuseMount(MountOptions options, Engine& engine, FilesystemOptions fs_options, std::string reason)
      : options_(std::move(options)),
        engine_(engine),
        filesystem_(std::make_shared<Filesystem>(engine, fs_options)),
        reason_(std::move(reason)),
        notifier_(filesystem_->nodes) {
    filesystem_->repliers = repliers_;
  }

  ~FuseMount() override {
    stop();
    if (session_ != nullptr) session_->join();
    filesystem_->outstanding.close(EIO);
    filesystem_->outstanding.wait_until_none();
    engine_.set_listener(nullptr);
  }

  // `place` as prepare_mountpoint() gave it.
  Result<> start(const std::string& place, const std::vector<std::string>& arguments) {
    auto session = Session::create(arguments, make_operations(), filesystem_.get());
    if (!session) return fail(session.error());
    session_ = std::move(*session);
    if (const Result<> mounted = session_->mount(place); !mounted) return mounted;
    place_ = place;
    if (const auto entry = mount_at(place)) device_ = entry->device;

    engine_.set_listener(&notifier_);
    session_->start(std::max(options_.threads, 1U));
    if (const Result<> ready = session_->wait_until_ready(kHandshakeTimeout); !ready) return ready;
    if (const Result<> settled = settle_strategy(); !settled) return settled;
    notifier_.set_complete_is_another_node(filesystem_->passthrough);
    notifier_.start(session_->get());
    raise_read_ahead(device_, kReadAheadKib);  // after the handshake, which resets it
    return {};
  }

  Result<> serve() override { return session_->wait_until_ended(); }

  void stop() override {
    const std::lock_guard lock(stop_mutex_);
    if (std::exchange(stopped_, true) || session_ == nullptr) return;
    unmount_now();
    // In this order: the notifier may wait for a lock of a process that waits
    // for an answer, so while threads still serve, everything is answered.
    filesystem_->outstanding.close(EIO);
    notifier_.stop();
    session_->exit();
  }

  [[nodiscard]] bool is_alive() override { return session_->is_alive(); }

  void set_ttls(Duration attribute_ttl, Duration negative_ttl) override {
    filesystem_->valid_s = seconds(attribute_ttl);
    filesystem_->negative_s = negative_seconds(attribute_ttl, negative_ttl);
  }

  [[nodiscard]] std::string device() const override { return device_; }

  [[nodiscard]] Strategy strategy() const override {
    return {filesystem_->passthrough ? "passthrough" : "cached", reason_};
  }

 private:
  Result<> settle_strategy() {
    if (!filesystem_->options.want_passthrough || filesystem_->passthrough) return {};
    reason_ = "the kernel does not offer passthrough (Linux 6.9 or newer does)";
    if (options_.io != IoMode::passthrough) return {};
    return fail(Errc::unsupported, "passthrough cannot be had: " + reason_);
  }

  void unmount_now() {
    if (place_.empty()) return;
    const auto done = unmount(place_, device_);
    if (!done) {
      log::warn("fuse: {}", done.error().message);
    } else if (*done == Unmounted::detached) {
      log::warn("fuse: {} is in use: detached; programs that still use it get errors", place_);
    }
  }

  const MountOptions options_;
  Engine& engine_;
  const std::shared_ptr<Filesystem> filesystem_;
  std::string reason_;
  std::string place_, device_;
  std::unique_ptr<Session> session_;
  Notifier notifier_;      // before the session ends: it writes to its descriptor
  std::mutex stop_mutex_;  // stop() is done once; others wait for it
  bool stopped_ = false;
  const std::shared_ptr<WorkerPool> repliers_ = std::make_shared<WorkerPool>("lm-reply", 2);
};

Result<Possibility> choose(IoMode io) {
  if (io == IoMode::cached) return Possibility{false, "asked for"};
  Possibility possibility = passthrough_before_mount();
  if (!possibility.possible && io == IoMode::passthrough) {
    return fail(Errc::unsupported, "passthrough cannot be had: " + possibility.reason);
  }
  return possibility;
}

}  // namespace

Result<> check_mount_options(const std::vector<std::string>& items) {
  const auto arguments = mount_arguments("", items);
  return arguments ? Result<>() : fail(arguments.error());
}

Result<std::unique_ptr<Mount>> Mount::create(MountOptions options, Engine& engine) {
  const auto arguments = mount_arguments(options.source, options.fuse_options);
  if (!arguments) return fail(arguments.error());
  const auto passthrough = choose(options.io);
  if (!passthrough) return fail(passthrough.error());
  const auto place = prepare_mountpoint(options.mountpoint);
  if (!place) return fail(place.error());
  if (const Result<> apart = check_cache_is_elsewhere(options.cache_directory, *place); !apart) {
    return fail(apart.error());
  }
  const FilesystemOptions fs_options{
      .timeout = options.timeout,
      .valid_s = seconds(options.attribute_ttl),
      .negative_s = negative_seconds(options.attribute_ttl, options.negative_ttl),
      .appearance = arguments->appearance,
      .want_passthrough = passthrough->possible,
      .backing_depth = backing_depth(options.cache_directory)};
  auto mount =
      std::make_unique<FuseMount>(std::move(options), engine, fs_options, passthrough->reason);
  if (const Result<> started = mount->start(*place, arguments->arguments); !started) {
    return fail(started.error());
  }
  const Strategy strategy = mount->strategy();
  log::info("fuse: files are read in the {} way: {}", strategy.name, strategy.reason);
  return mount;
}

std::string version_text() {
  return std::string("libfuse ") + fuse_pkgversion() +
         (kBuiltWithPassthrough ? " (passthrough)" : " (without passthrough)");
}

}  // namespace lazymirror::fuse
