// SPDX-License-Identifier: Apache-2.0
//
// Two processes come out of this (fanotify/watch.h): the keeper, which is the
// one that was started, and workers that it forks. libcurl and all threads are
// the workers' own.
#include "cli/watch_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/log.h"
#include "base/mount_table.h"
#include "cli/background.h"
#include "cli/config_courier.h"
#include "cli/control_commands.h"
#include "cli/daemon_process.h"
#include "cli/handover.h"
#include "cli/log_setup.h"
#include "cli/metrics.h"
#include "cli/metrics_file.h"
#include "cli/private_files.h"
#include "cli/real_path.h"
#include "cli/reload.h"
#include "cli/run.h"
#include "cli/service_manager.h"
#include "cli/start_engine.h"
#include "cli/terminal.h"
#include "cli/watch_plan.h"

namespace lazymirror::cli {
namespace {

// Views are mounted and found again by their real names.
Result<> settle_cache(WatchPlan& plan) {
  std::error_code error;
  std::filesystem::create_directories(plan.cache.directory, error);
  if (error) {
    return fail_errno(error.value(), "cannot make the cache directory " + plan.cache.directory);
  }
  const auto real = real_path(plan.cache.directory);
  if (!real) return fail(real.error());
  plan.cache.directory = plan.watch.cache_directory = *real;
  return {};
}

Result<> settle_shown_at(WatchPlan& plan) {
  std::string& path = plan.watch.shown_at;
  if (path.empty()) return {};
  struct stat attributes {};
  if (::stat(path.c_str(), &attributes) != 0) {
    if (errno != ENOENT) return fail_errno(errno, "cannot use the directory " + path);
    return fail(Errc::not_found,
                "the directory " + path + " does not exist; create it: mkdir -p " + path);
  }
  if (!S_ISDIR(attributes.st_mode)) {
    return fail(Errc::not_a_directory, path + " is not a directory; give one, or -");
  }
  const auto real = real_path(path);
  if (!real) return fail(real.error());
  path = *real;
  return {};
}

// Whether the view stands, as others will see it.
Result<> view_is_mounted(const WatchPlan& plan) {
  const std::string place = plan.cache.directory + "/data";
  const auto table = read_mount_table();
  if (!table) return fail(table.error());
  for (const MountLine& line : *table) {
    if (line.path == place) return {};
  }
  return fail(Errc::io, place + " is not mounted any more: see the log (journalctl -t lazymirror)");
}

// The parts of one watch; lives in every process of it.
class Watching {
 public:
  Watching(const WatchPlan& plan, const PrivateFiles& files, const Options& options,
           Readiness& readiness)
      : plan_(plan), files_(files), options_(options), readiness_(readiness) {}

  Result<> run() {
    if (options_.foreground) {
      ::signal(SIGUSR1, SIG_IGN);  // of a restart; until a keeper takes it
      manager_ = ServiceManager::of_environment();
      log_to_stderr(options_.log_level);
    } else {
      leave_terminal_ = log_to_syslog(options_.log_level);
    }
    leave_working_directory();
    if (auto r = prepare_workers(); !r) return r;
    fanotify::WatchOptions watch = plan_.watch;
    watch.kept.push_back(courier_->workers_end());
    if (scribe_) watch.kept.push_back(scribe_->fd());
    const fanotify::WatchParts parts{.make_engine =
                                         [this](bool first, auto lock, auto open_quietly) {
                                           return make_engine(first, std::move(lock),
                                                              std::move(open_quietly));
                                         },
                                     .companion =
                                         [this](Engine& engine, fanotify::Evictor& evictor,
                                                const fanotify::Mechanism& mechanism) {
                                           return accompany(engine, evictor, mechanism);
                                         },
                                     .ready = [this] { return ready(); },
                                     .beat =
                                         [this] {
                                           if (is_shown_) manager_.alive();
                                         },
                                     .hangup = [this] { send_config(); },
                                     .succession = succession()};
    auto served = fanotify::watch(watch, parts, options_.foreground && has_terminal());
    manager_.stopping();
    if (!served) return fail(served.error());
    if (*served == fanotify::WatchEnd::over) {
      log::info("cli: {} is not shown any more", plan_.cache.directory);
    }
    return {};
  }

 private:
  Result<std::unique_ptr<Engine>> make_engine(bool first, std::shared_ptr<const UniqueFd> lock,
                                              std::function<Result<UniqueFd>(int)> open_quietly) {
    if (auto r = initialise_libcurl(); !r) return fail(r.error());
    auto origin = files_.show(plan_.origin, shown_files_);
    if (!origin) return fail(origin.error());
    TreePlan plan = plan_;
    plan.origin = std::move(*origin);
    plan.cache.lock = std::move(lock);
    plan.cache.open_quietly = std::move(open_quietly);
    plan.engine.offline = handover_->offline();
    return start_engine(plan, clock_, first);
  }

  // In the worker. Until now its warnings went to the terminal, which waits for
  // everybody to let go of it.
  Result<std::shared_ptr<void>> accompany(Engine& engine, fanotify::Evictor& evictor,
                                          const fanotify::Mechanism& mechanism) {
    leave_terminal();
    struct Company {
      std::optional<ConfigReceiver> config;
      std::shared_ptr<control::ControlServer> control;
      std::optional<MetricsTimer> metrics;
    };
    take_over_config(engine);
    auto company = std::make_shared<Company>();
    company->config.emplace(courier_->workers_end(), [this](const Result<std::string>& text) {
      reload_.run_by_signal(text);
    });
    company->control = serve_control(tree_of(engine, evictor, mechanism));
    if (scribe_) {
      company->metrics.emplace(kMetricsInterval, [this, &engine] {
        Scribe::send(scribe_->fd(), metrics_text(engine.report(), plan_.cache.url));
      });
    }
    return std::shared_ptr<void>(std::move(company));
  }

  ServedTree tree_of(Engine& engine, fanotify::Evictor& evictor,
                     const fanotify::Mechanism& mechanism) {
    std::vector<std::string> places = {plan_.cache.directory + "/data"};
    if (!plan_.watch.shown_at.empty()) places.push_back(plan_.watch.shown_at);
    return {.engine = engine,
            .mode = "watch",
            .url = plan_.cache.url,
            .cache_directory = plan_.cache.directory,
            .shown_at = std::move(places),
            .mechanism = mechanism.name,
            .reason = mechanism.reason,
            .pid = ::getppid(),
            .started_ns = started_ns_,
            .evict = [&evictor](EntryId id) { return evictor.evict(id); },
            .reload = &reload_,
            .note_offline = [this](bool offline) { handover_->set_offline(offline); }};
  }

  // What was changed before a worker was replaced.
  void take_over_config(Engine& engine) {
    reload_.attach(&engine);
    if (const auto text = handover_->config()) reload_.run_by_signal(*text);
    reload_.on_change([this](const std::string& text) { handover_->set_config(text); });
  }

  // In the keeper.
  void send_config() {
    const auto sent = courier_->send([this] { return reload_.config_file(); });
    if (!sent) log::error("cli: the config file is not used: {}", sent.error().message);
  }

  // In the keeper, before there is a worker.
  Result<> prepare_workers() {
    auto handover = Handover::make(options_.offline);
    if (!handover) return fail(handover.error());
    handover_.emplace(std::move(*handover));
    auto courier = ConfigCourier::make();
    if (!courier) return fail(courier.error());
    courier_.emplace(std::move(*courier));
    return start_scribe();
  }
  Result<> start_scribe() {
    if (options_.metrics_file.empty()) return {};
    auto scribe = Scribe::start(options_.metrics_file);
    if (!scribe) return fail(scribe.error());
    scribe_.emplace(std::move(*scribe));
    return {};
  }

  // In the keeper.
  Result<> ready() {
    const std::string status =
        plan_.cache.url + " is shown in " + plan_.cache.directory + "/data" +
        (plan_.watch.shown_at.empty() ? "" : " and at " + plan_.watch.shown_at);
    log::info("cli: {}", status);
    leave_terminal_();
    auto told = readiness_.ready();
    is_shown_ = told.has_value();
    if (is_shown_) manager_.ready(status);
    return told;
  }

  fanotify::Succession succession() {
    static constexpr const char* kName = "caretaker";
    if (!manager_.listens()) return {};
    return {.take = [this] { return manager_.take(kName); },
            .keep = [this](int fd) { return manager_.keep(kName, fd); },
            .forget = [this] { manager_.forget(kName); }};
  }

  void leave_terminal() {
    if (options_.foreground) return;
    leave_terminal_();
    leave_standard_streams();
  }

  const WatchPlan& plan_;
  const PrivateFiles& files_;
  std::vector<UniqueFd> shown_files_;  // in the worker
  const Options& options_;
  Readiness& readiness_;
  SystemClock clock_;
  const std::int64_t started_ns_ = clock_.wall_ns();
  Reload reload_{options_, Surroundings::of_this_process()};
  std::optional<Handover> handover_;
  std::optional<ConfigCourier> courier_;
  std::optional<Scribe> scribe_;
  ServiceManager manager_;  // the keeper's, as is
  bool is_shown_ = false;
  std::function<void()> leave_terminal_ = [] {};
};

int run_watch(const WatchPlan& plan, const PrivateFiles& files, const Options& options,
              Readiness& readiness) {
  const auto served = Watching(plan, files, options, readiness).run();
  if (served) return kSuccess;
  readiness.failed(explain(served.error(), plan).message);
  return kFailure;
}

// What is looked at before anything is made or started.
Result<PrivateFiles> prepare(WatchPlan& plan, const Surroundings& user) {
  if (!user.root) {
    return fail(Errc::denied,
                "watching in place needs root: run it with sudo, or use lazymirror mount, which "
                "any user may");
  }
  auto files = PrivateFiles::read(plan.origin, user.home);
  if (!files) return files;
  if (auto r = settle_shown_at(plan); !r) return fail(r.error());
  if (auto r = settle_cache(plan); !r) return fail(r.error());
  return files;
}

}  // namespace

int watch_command(const Options& options, const Surroundings& user) {
  set_signal_defaults();
  auto plan = plan_watch(options, user);
  if (!plan) {
    print_error(plan.error().message);
    return kFailure;
  }
  const auto files = prepare(*plan, user);
  if (!files) {
    print_error(explain(files.error(), *plan).message);
    return kFailure;
  }
  if (options.foreground) {
    Readiness nobody;
    return run_watch(*plan, *files, options, nobody);
  }
  return run_in_background(
      [&](Readiness& readiness) { return run_watch(*plan, *files, options, readiness); },
      [&] { return view_is_mounted(*plan); });
}

}  // namespace lazymirror::cli
