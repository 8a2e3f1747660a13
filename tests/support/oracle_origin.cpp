// SPDX-License-Identifier: Apache-2.0
//
// The sockets and threads of the oracle origin: one thread accepts, one per
// connection serves its requests in turn. One lock guards all state; it is not
// held while bytes are sent.
#include "support/oracle_origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "base/unique_fd.h"
#include "support/http_socket.h"
#include "support/oracle_answer.h"
#include "support/oracle_http.h"
#include "support/oracle_tree.h"

namespace lazymirror::testing {
namespace {

constexpr std::size_t kPiece = 256u << 10;

[[noreturn]] void give_up(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Several sockets may be bound so to one port, of which one listens. Port 0 is one
// that nobody is bound to.
UniqueFd bound_to(unsigned port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) give_up("oracle origin: socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    give_up("oracle origin: bind");
  }
  return fd;
}

unsigned port_of(const UniqueFd& fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    give_up("oracle origin: getsockname");
  }
  return ntohs(address.sin_port);
}

// Bytes [begin, end) of the answer's body, appended to `out`.
void append_body(const Answer& answer, ByteSpan part, std::string& out) {
  if (answer.path.empty()) {
    out.append(answer.text, part.begin, part.size());
    return;
  }
  const std::size_t old = out.size();
  out.resize(old + part.size());
  oracle_fill(answer.path, answer.version, answer.span.begin + part.begin,
              std::as_writable_bytes(std::span(out)).subspan(old));
  for (std::uint64_t i = part.begin; i < std::min<std::uint64_t>(part.end, answer.magic.size());
       ++i) {
    out[old + i - part.begin] = answer.magic[i];
  }
}

std::string hex(std::uint64_t value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(value));
  return text.data();
}

// RFC 9112 section 7.1.
std::string as_chunk(const std::string& bytes) {
  return bytes.empty() ? bytes : hex(bytes.size()) + "\r\n" + bytes + "\r\n";
}

}  // namespace

struct OracleOrigin::Impl {
  struct Connection {
    UniqueFd fd;
    bool done = false;  // under the lock
    std::thread thread;
  };

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  OracleTree tree;
  OracleSettings settings;
  std::unordered_map<std::string, std::deque<FaultRule>> faults;
  std::vector<OracleRequest> log;
  std::unordered_map<std::string, std::uint64_t> sent;
  std::size_t played = 0;
  std::size_t accepted = 0;
  std::uint64_t stall_epoch = 0;  // moves with unstall()
  bool stopped = true;
  UniqueFd place = bound_to(0);  // never listens: the port is ours also while it is stopped
  const unsigned port = port_of(place);
  UniqueFd listener;
  std::thread acceptor;
  std::list<Connection> connections;

  void start();
  void stop();
  void accept_all();
  void join_finished();
  void serve(Connection& connection);
  bool serve_one(int fd, std::string& pending);
  void note(const RequestHead& request);
  std::optional<FaultRule> take_fault(const RequestHead& request);
  bool pause(const FaultRule& rule);
  bool wait_for_unstall();
  bool send_answer(int fd, const RequestHead& request, const Answer& answer);
  bool send_body(int fd, const std::string& path, const Answer& answer, ByteSpan part,
                 std::string first);
  void count_sent(const std::string& path, std::uint64_t bytes);
  void take_back(const std::string& path, std::uint64_t bytes);
};

void OracleOrigin::Impl::start() {
  listener = bound_to(port);
  if (::listen(listener.get(), SOMAXCONN) != 0) give_up("oracle origin: listen");
  {
    const std::lock_guard lock(mutex);
    stopped = false;
  }
  acceptor = std::thread([this] { accept_all(); });
}

void OracleOrigin::Impl::stop() {
  {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    stopped = true;
    ::shutdown(listener.get(), SHUT_RDWR);  // accept(2) returns
    for (const Connection& connection : connections) {
      if (!connection.done) ::shutdown(connection.fd.get(), SHUT_RDWR);
    }
  }
  changed.notify_all();
  acceptor.join();
  listener.reset();
  for (Connection& connection : connections) connection.thread.join();
  connections.clear();
}

void OracleOrigin::Impl::accept_all() {
  for (;;) {
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid() && (errno == EINTR || errno == ECONNABORTED)) continue;
    join_finished();
    const std::lock_guard lock(mutex);
    if (!fd.valid() || stopped) return;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++accepted;
    Connection& connection = connections.emplace_back();
    connection.fd = std::move(fd);
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

// Only the acceptor removes connections while it runs.
void OracleOrigin::Impl::join_finished() {
  std::list<Connection> finished;
  {
    const std::lock_guard lock(mutex);
    for (auto it = connections.begin(); it != connections.end();) {
      const auto here = it++;
      if (here->done) finished.splice(finished.end(), connections, here);
    }
  }
  for (Connection& connection : finished) connection.thread.join();
}

void OracleOrigin::Impl::serve(Connection& connection) {
  std::string pending;
  while (serve_one(connection.fd.get(), pending)) {
  }
  // Closed under the lock: stop() must not shut down a number that is reused.
  const std::lock_guard lock(mutex);
  connection.fd.reset();
  connection.done = true;
}

// False when the connection is to be closed.
bool OracleOrigin::Impl::serve_one(int fd, std::string& pending) {
  const auto text = receive_head(fd, pending);
  if (!text) return false;
  const auto request = parse_request(*text);
  if (!request) {
    (void)send_all(fd,
                   "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return false;
  }
  note(*request);
  const auto fault = take_fault(*request);
  const FaultRule rule = fault.value_or(FaultRule{});
  if (!pause(rule)) return false;
  Answer answer;
  {
    const std::lock_guard lock(mutex);
    answer = plan_answer(*request, tree, settings, rule);
  }
  return send_answer(fd, *request, answer) && request->keep_alive;
}

void OracleOrigin::Impl::note(const RequestHead& request) {
  {
    const std::lock_guard lock(mutex);
    log.push_back(
        {request.method, request.target, request.path, request.header("Range"), request.headers});
  }
  changed.notify_all();
}

std::optional<FaultRule> OracleOrigin::Impl::take_fault(const RequestHead& request) {
  const std::lock_guard lock(mutex);
  const auto queue = faults.find(request.path);
  if (queue == faults.end()) return std::nullopt;
  const bool ranged = !request.header("Range").empty();
  const auto rule =
      std::find_if(queue->second.begin(), queue->second.end(), [&](const FaultRule& r) {
        return (r.method.empty() || r.method == request.method) && (ranged || !r.ranged_only);
      });
  if (rule == queue->second.end()) return std::nullopt;
  FaultRule taken = *rule;
  if (rule->times == 1) {
    queue->second.erase(rule);
  } else if (rule->times > 1) {
    --rule->times;
  }
  if (taken.fault != Fault::none) ++played;
  return taken;
}

// What comes before any answer. False when the origin was stopped meanwhile.
bool OracleOrigin::Impl::pause(const FaultRule& rule) {
  if (rule.fault == Fault::stall_before_head && !wait_for_unstall()) return false;
  std::unique_lock lock(mutex);
  const std::chrono::milliseconds delay(settings.delay_ms);
  if (delay.count() == 0) return !stopped;
  return !changed.wait_for(lock, delay, [this] { return stopped; });
}

bool OracleOrigin::Impl::wait_for_unstall() {
  std::unique_lock lock(mutex);
  const std::uint64_t epoch = stall_epoch;
  changed.wait(lock, [&] { return stopped || stall_epoch != epoch; });
  return !stopped;
}

// False when the connection is to be closed.
bool OracleOrigin::Impl::send_answer(int fd, const RequestHead& request, const Answer& answer) {
  const bool no_body = request.method == "HEAD";
  const std::uint64_t size = no_body ? 0 : answer.body_size();
  const std::uint64_t cut = std::min(answer.cut.value_or(size), size);
  if (!send_body(fd, request.path, answer, {0, cut}, answer.head)) return false;
  switch (answer.after) {
    case Answer::After::close: return false;
    case Answer::After::reset: {
      const linger now{1, 0};  // close(2) sends RST
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      return false;
    }
    case Answer::After::stall:
      if (!wait_for_unstall()) return false;
      break;
    case Answer::After::next_request: break;
  }
  if (!send_body(fd, request.path, answer, {cut, size}, "")) return false;
  return !answer.chunked || no_body || send_all(fd, "0\r\n\r\n");
}

bool OracleOrigin::Impl::send_body(int fd, const std::string& path, const Answer& answer,
                                   ByteSpan part, std::string first) {
  std::string out = std::move(first);
  std::string piece;
  for (;;) {
    const std::uint64_t n = std::min<std::uint64_t>(kPiece, part.size());
    if (answer.chunked) {
      piece.clear();
      append_body(answer, {part.begin, part.begin + n}, piece);
      out += as_chunk(piece);
    } else {
      append_body(answer, {part.begin, part.begin + n}, out);
    }
    count_sent(path, n);
    if (!send_all(fd, out)) {
      take_back(path, n);
      return false;
    }
    part.begin += n;
    if (part.begin == part.end) return true;
    out.clear();
  }
}

// Before they are sent: who has got them may ask at once.
void OracleOrigin::Impl::count_sent(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex);
  sent[path] += bytes;
}

// They may have been forgotten meanwhile.
void OracleOrigin::Impl::take_back(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex);
  std::uint64_t& counted = sent[path];
  counted -= std::min(counted, bytes);
}

OracleOrigin::OracleOrigin() : impl_(std::make_unique<Impl>()) { impl_->start(); }

OracleOrigin::~OracleOrigin() { impl_->stop(); }

std::string OracleOrigin::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(impl_->port) + encode_path(path);
}

unsigned OracleOrigin::port() const { return impl_->port; }

void OracleOrigin::put(const std::string& path, OracleFile file) {
  const std::lock_guard lock(impl_->mutex);
  impl_->tree.put(path, file);
}

void OracleOrigin::put_directory(const std::string& path) {
  const std::lock_guard lock(impl_->mutex);
  impl_->tree.put_directory(path);
}

void OracleOrigin::remove(const std::string& path) {
  const std::lock_guard lock(impl_->mutex);
  impl_->tree.remove(path);
}

void OracleOrigin::touch_version(const std::string& path) {
  const std::lock_guard lock(impl_->mutex);
  impl_->tree.touch_version(path);
}

void OracleOrigin::set_listing(Listing style) {
  const std::lock_guard lock(impl_->mutex);
  impl_->settings.listing = style;
}

void OracleOrigin::set_require_auth(const std::string& user, const std::string& password) {
  const std::lock_guard lock(impl_->mutex);
  impl_->settings.authorization = user.empty() ? "" : "Basic " + base64(user + ':' + password);
}

void OracleOrigin::set_ranges(bool supported) {
  const std::lock_guard lock(impl_->mutex);
  impl_->settings.ranges = supported;
}

void OracleOrigin::set_delay_ms(unsigned before_each_answer) {
  const std::lock_guard lock(impl_->mutex);
  impl_->settings.delay_ms = before_each_answer;
}

void OracleOrigin::inject(const std::string& path, FaultRule rule) {
  const std::lock_guard lock(impl_->mutex);
  impl_->faults[path].push_back(std::move(rule));
}

void OracleOrigin::clear_faults() {
  const std::lock_guard lock(impl_->mutex);
  impl_->faults.clear();
}

void OracleOrigin::unstall() {
  {
    const std::lock_guard lock(impl_->mutex);
    ++impl_->stall_epoch;
  }
  impl_->changed.notify_all();
}

void OracleOrigin::stop() { impl_->stop(); }

void OracleOrigin::restart() {
  impl_->stop();
  impl_->start();
}

std::vector<OracleRequest> OracleOrigin::requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->log;
}

namespace {

std::size_t matching(const std::vector<OracleRequest>& log, const std::string& path,
                     const std::string& method) {
  return static_cast<std::size_t>(
      std::count_if(log.begin(), log.end(), [&](const OracleRequest& r) {
        return r.path == path && (method.empty() || r.method == method);
      }));
}

}  // namespace

std::size_t OracleOrigin::count(const std::string& path, const std::string& method) const {
  const std::lock_guard lock(impl_->mutex);
  return matching(impl_->log, path, method);
}

std::size_t OracleOrigin::connections_accepted() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->accepted;
}

std::size_t OracleOrigin::faults_played() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->played;
}

std::uint64_t OracleOrigin::body_bytes(const std::string& path) const {
  const std::lock_guard lock(impl_->mutex);
  const auto it = impl_->sent.find(path);
  return it == impl_->sent.end() ? 0 : it->second;
}

void OracleOrigin::forget_requests() {
  const std::lock_guard lock(impl_->mutex);
  impl_->log.clear();
  impl_->sent.clear();
}

bool OracleOrigin::wait_for_requests(const std::string& path, std::size_t n,
                                     unsigned timeout_ms) const {
  std::unique_lock lock(impl_->mutex);
  return impl_->changed.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                                 [&] { return matching(impl_->log, path, "") >= n; });
}

}  // namespace lazymirror::testing
