// SPDX-License-Identifier: Apache-2.0
//
// The face of the room: hands questions from any thread to the network thread.
#include "http/curl_origin.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/guarded.h"
#include "base/worker_pool.h"
#include "http/easy_setup.h"
#include "http/network_loop.h"
#include "http/origin_facts.h"
#include "http/transfers.h"

namespace lazymirror {
namespace {

constexpr const char* kThreadName = "lm-network";

struct Add {
  TransferId id;
  std::unique_ptr<Transfer> transfer;
  SteadyTime deadline;
};
struct Cancel {
  TransferId id;
};
struct Call {
  UniqueFunction<void()> function;
};
struct GoOffline {
  bool offline;
};
struct Throttle {
  std::uint64_t bytes_per_second;
};
using Command = std::variant<Add, Cancel, Call, GoOffline, ProxyChoice, Throttle>;

class CurlOrigin final : public Origin {
 public:
  explicit CurlOrigin(OriginOptions options)
      : options_(std::move(options)), loop_(options_, facts_) {}

  ~CurlOrigin() override {
    stopping_ = true;
    if (thread_.joinable()) {
      loop_.wake();
      thread_.join();
    }
  }

  Result<> start() {
    if (auto r = loop_.open(); !r) return r;
    thread_ = std::thread([this] { run(); });
    return {};
  }

  TransferId list(ListRequest request, Completion<ListingReply> done) override {
    const SteadyTime deadline = request.deadline;
    return add(make_list_transfer(std::move(request), options_.max_listing_bytes, std::move(done)),
               deadline);
  }

  TransferId probe(const Url& url, SteadyTime deadline, Completion<ProbeReply> done) override {
    return add(make_probe_transfer(url, std::move(done)), deadline);
  }

  TransferId read(RangeRequest request, std::shared_ptr<RangeSink> sink) override {
    const SteadyTime deadline = request.deadline;
    return add(make_read_transfer(std::move(request), std::move(sink), facts_), deadline);
  }

  void cancel(TransferId id) override { push(Cancel{id}); }

  unsigned capacity() const override {
    return std::min(facts_.allowed(), facts_.http2() ? options_.streams : options_.connections);
  }

  bool ranges_supported() const override {
    return facts_.ranges_supported(std::chrono::steady_clock::now());
  }

  OriginHealth health() const override { return facts_.health(); }
  bool is_away() const override { return facts_.is_away(); }
  void set_offline(bool offline) override { push(GoOffline{offline}); }

  Result<> set_proxy(const std::string& list) override {
    auto choice = ProxyChoice::parse(list);
    if (!choice) return fail(std::move(choice.error()));
    push(std::move(*choice));
    return {};
  }

  void set_bandwidth_limit(std::uint64_t limit) override { push(Throttle{limit}); }

  std::optional<Lane> lane() override {
    return Lane{kThreadName, crew_, [this](UniqueFunction<void()> f) { push(Call{std::move(f)}); }};
  }

 private:
  TransferId add(std::unique_ptr<Transfer> transfer, SteadyTime deadline) {
    const TransferId id = next_id_++;
    push(Add{id, std::move(transfer), deadline});
    return id;
  }

  void push(Command command) {
    commands_.with([&](auto& queue) { queue.push_back(std::move(command)); });
    loop_.wake();
  }

  void run() {
    name_this_thread(kThreadName);
    crew_->join();
    while (!stopping_) {
      take_commands();
      loop_.turn();
      crew_->step();
    }
    // What a completion asks for now is cancelled as well.
    do {
      loop_.cancel_all();
    } while (take_commands());
  }

  bool take_commands() {
    auto queue = commands_.with([](auto& q) { return std::exchange(q, {}); });
    for (Command& command : queue) {
      std::visit([this](auto& each) { carry_out(each); }, command);
    }
    return !queue.empty();
  }
  void carry_out(Add& add) { loop_.add(add.id, std::move(add.transfer), add.deadline); }
  void carry_out(const Cancel& cancel) { loop_.cancel(cancel.id); }
  void carry_out(Call& call) { call.function(); }
  void carry_out(const GoOffline& go) { loop_.set_offline(go.offline); }
  void carry_out(ProxyChoice& choice) { loop_.set_proxies(std::move(choice)); }
  void carry_out(const Throttle& throttle) {
    options_.bandwidth_limit = throttle.bytes_per_second;
    loop_.follow_bandwidth_limit();
  }

  OriginOptions options_;  // the bandwidth limit: of the network thread; all else stays
  OriginFacts facts_;
  std::atomic<bool> stopping_{false};
  std::atomic<TransferId> next_id_{1};
  Guarded<std::vector<Command>> commands_;
  NetworkLoop loop_;
  const std::shared_ptr<Crew> crew_ = std::make_shared<Crew>();
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Origin>> make_curl_origin(OriginOptions options) {
  if (auto r = check_options(options); !r) return fail(std::move(r.error()));
  auto origin = std::make_unique<CurlOrigin>(std::move(options));
  if (auto r = origin->start(); !r) return fail(std::move(r.error()));
  return origin;
}

std::string curl_version_text() { return curl_version(); }

}  // namespace lazymirror
