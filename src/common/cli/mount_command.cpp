// SPDX-License-Identifier: Apache-2.0
#include "cli/mount_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>

#include "base/file_limit.h"
#include "base/log.h"
#include "cli/background.h"
#include "cli/control_commands.h"
#include "cli/daemon_process.h"
#include "cli/log_setup.h"
#include "cli/metrics.h"
#include "cli/metrics_file.h"
#include "cli/mount_answers.h"
#include "cli/mount_plan.h"
#include "cli/mount_registry.h"
#include "cli/real_path.h"
#include "cli/reload.h"
#include "cli/run.h"
#include "cli/service_manager.h"
#include "cli/start_engine.h"
#include "cli/stop_signal.h"
#include "cli/terminal.h"

namespace lazymirror::cli {
namespace {

constexpr Duration kAnswerLimit{10'000};

// Told before the origin is asked, which may take its time. A mount of ours
// that has died (ENOTCONN) is the mount's own business.
Result<> check_mountpoint(const std::string& path) {
  struct stat attributes {};
  if (::stat(path.c_str(), &attributes) != 0) {
    if (errno == ENOTCONN) return {};
    if (errno != ENOENT) return fail_errno(errno, "cannot use the mount point");
    return fail(Errc::not_found, "the mount point does not exist; create it: mkdir -p " + path);
  }
  if (S_ISDIR(attributes.st_mode)) return {};
  return fail(Errc::not_a_directory, "the mount point is not a directory");
}

// Who waits for the tree, and how.
struct Listeners {
  Readiness& readiness;
  const ServiceManager& manager;
  const std::function<void()>& leave_terminal;
};

// Serves until the tree is unmounted or a signal comes.
Result<> serve(fuse::Mount& mount, StopSignal& signals, const Listeners& listeners,
               const std::string& status) {
  signals.serving([&mount] { mount.stop(); });
  listeners.leave_terminal();
  Result<> result = listeners.readiness.ready();
  if (result) {
    listeners.manager.ready(status);
    const Heartbeat heartbeat(listeners.manager, [&mount] { return mount.is_alive(); });
    result = mount.serve();
  }
  listeners.manager.stopping();
  signals.stopping();
  return result;
}

// Lets others find the tree's control socket by its mount point. Without it
// they have to name the cache.
std::optional<RegisteredMount> register_mount(const fuse::Mount& mount, const std::string& cache) {
  const auto real = real_path(cache);
  auto entry = real ? RegisteredMount::enter(mount.device(), *real)
                    : Result<RegisteredMount>(fail(real.error()));
  if (entry) return std::move(*entry);
  log::warn("cli: commands will not find the mount by its directory, only by its cache: {}",
            entry.error().message);
  return std::nullopt;
}

// What others can ask of the tree while it is served, and what it tells unasked.
class Company {
 public:
  Company(const MountPlan& plan, const Options& options, Engine& engine, const fuse::Mount& mount,
          const Clock& clock, Reload& reload)
      : control_(serve_control(tree_of(plan, engine, mount, clock, reload))),
        registered_(register_mount(mount, plan.cache.directory)) {
    if (options.metrics_file.empty()) return;
    metrics_.emplace(kMetricsInterval, [&engine, url = plan.cache.url, path = options.metrics_file,
                                        failed = false]() mutable {
      const auto written = replace_file(path, metrics_text(engine.report(), url));
      if (!written && !failed) log::warn("cli: --metrics-file: {}", written.error().message);
      failed = !written;
    });
  }

 private:
  static ServedTree tree_of(const MountPlan& plan, Engine& engine, const fuse::Mount& mount,
                            const Clock& clock, Reload& reload) {
    const auto strategy = mount.strategy();
    return {.engine = engine,
            .mode = "mount",
            .url = plan.cache.url,
            .cache_directory = plan.cache.directory,
            .shown_at = {plan.mount.mountpoint},
            .mechanism = strategy.name,
            .reason = strategy.reason,
            .pid = ::getpid(),
            .started_ns = clock.wall_ns(),
            .evict = {},
            .reload = &reload};
  }

  std::shared_ptr<control::ControlServer> control_;
  std::optional<RegisteredMount> registered_;  // once it answers
  std::optional<MetricsTimer> metrics_;
};

Result<> mount_and_serve(const MountPlan& plan, const Options& options,
                         const Listeners& listeners) {
  StopSignal signals(options.foreground && has_terminal());
  const SystemClock clock;
  Reload reload(options, Surroundings::of_this_process());
  signals.on_hangup([&reload] { reload.run_by_signal(std::string()); });
  auto engine = start_engine(plan, clock, true);
  if (!engine) return fail(explain(MountStep::engine, engine.error(), plan));
  signals.mounting();
  auto mount = fuse::Mount::create(plan.mount, **engine);
  if (!mount) return fail(explain(MountStep::mount, mount.error(), plan));
  reload.attach(engine->get(), [&fuse = **mount, strict = options.strict_ttl](const Options& now) {
    fuse.set_ttls(strict ? Duration{0} : now.ttl, now.negative_ttl);
  });
  const auto strategy = (*mount)->strategy();
  log::info("cli: {} is mounted on {}, cache {}, io {} ({})", plan.mount.source,
            plan.mount.mountpoint, plan.cache.directory, strategy.name, strategy.reason);
  std::optional<Company> company;
  company.emplace(plan, options, **engine, **mount, clock, reload);
  const auto served = serve(**mount, signals, listeners,
                            plan.mount.source + " is mounted on " + plan.mount.mountpoint);
  company.reset();
  reload.attach(nullptr);
  mount->reset();
  engine->reset();
  log::info("cli: {} is unmounted", plan.mount.mountpoint);
  return served;
}

int run_mount(const MountPlan& plan, const Options& options, Readiness& readiness) {
  std::function<void()> leave_terminal = [] {};
  ServiceManager manager;
  if (options.foreground) {
    ::signal(SIGUSR1, SIG_IGN);  // of a restart, for a watch; the unit is the same
    manager = ServiceManager::of_environment();
    manager.take_none();
    log_to_stderr(options.log_level);
  } else {
    leave_terminal = log_to_syslog(options.log_level);
  }
  leave_working_directory();
  raise_file_limit();
  Result<> served = initialise_libcurl();
  const Listeners listeners{readiness, manager, leave_terminal};
  if (served) served = mount_and_serve(plan, options, listeners);
  if (served) return kSuccess;
  readiness.failed(served.error().message);
  return kFailure;
}

}  // namespace

int mount_command(const Options& options, const Surroundings& user) {
  set_signal_defaults();
  const auto plan = plan_mount(options, user);
  if (!plan) {
    print_error(plan.error().message);
    return kFailure;
  }
  if (auto r = check_mountpoint(options.mountpoint); !r) {
    print_error(explain(MountStep::mount, r.error(), *plan).message);
    return kFailure;
  }
  if (options.foreground) {
    Readiness nobody;
    return run_mount(*plan, options, nobody);
  }
  return run_in_background(
      [&](Readiness& readiness) { return run_mount(*plan, options, readiness); },
      [&] { return mount_answers(options.mountpoint, kAnswerLimit); });
}

}  // namespace lazymirror::cli
