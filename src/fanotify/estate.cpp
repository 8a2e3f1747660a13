// SPDX-License-Identifier: Apache-2.0
//
// Datagrams with descriptors. The first descriptor is of a file in memory whose
// text says what the others are, in their order: records that end with NUL, of
// fields parted by blanks, a text being the last.
//   lazymirror-estate 2 DESCRIPTORS MODE FILL RESERVES IDMAPPED TERMS / traps GROUP STALE /
//   trap STATE KEY DEVICE SINCE TOKENS,... PATH / event NUMBER KIND OFFSET COUNT PID
#include "fanotify/estate.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <sstream>

#include "base/file_io.h"

namespace lazymirror::fanotify {
namespace {

constexpr const char* kVersion = "lazymirror-estate 2";
constexpr std::size_t kAtOnce = 250;  // descriptors in a message; the kernel's limit is 253
constexpr std::size_t kMaxText = 64u << 20;
constexpr std::size_t kMaxDescriptors = 4u << 20;

Failure unknown() {
  return fail(Errc::unsupported, "what the keeper before hands over is of another version");
}

// --- descriptors over a socket ---

// A byte, and room for descriptors beside it.
struct Parcel {
  explicit Parcel(std::size_t fds) {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
  }
  Parcel(const Parcel&) = delete;
  Parcel& operator=(const Parcel&) = delete;

  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kAtOnce * sizeof(int))> room{};
  msghdr message{};
};

class Patience {
 public:
  explicit Patience(Duration limit) : deadline_(SteadyTime::clock::now() + limit) {}
  [[nodiscard]] bool wait(int socket, short events) const {
    const auto left = std::chrono::ceil<Duration>(deadline_ - SteadyTime::clock::now());
    pollfd ready{socket, events, 0};
    return ::poll(&ready, 1, static_cast<int>(std::max<Duration::rep>(left.count(), 0))) == 1;
  }

 private:
  const SteadyTime deadline_;
};

Result<> send_some(int socket, std::span<const int> fds, const Patience& patience) {
  Parcel parcel(fds.size());
  cmsghdr* const header = CMSG_FIRSTHDR(&parcel.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  while (::sendmsg(socket, &parcel.message, MSG_DONTWAIT | MSG_NOSIGNAL) != 1) {
    const bool full = errno == EAGAIN || errno == ETOOMANYREFS;
    if (!full || !patience.wait(socket, POLLOUT)) {
      return fail_errno(errno, "cannot hand over to the next keeper");
    }
  }
  return {};
}

Result<> send_all(int socket, std::span<const int> fds, const Patience& patience) {
  while (!fds.empty()) {
    const std::size_t n = std::min(fds.size(), kAtOnce);
    if (auto r = send_some(socket, fds.first(n), patience); !r) return r;
    fds = fds.subspan(n);
  }
  return {};
}

Result<> receive_some(int socket, std::vector<UniqueFd>& fds, const Patience& patience) {
  if (!patience.wait(socket, POLLIN)) return fail(Errc::unreachable, "nothing is handed over");
  Parcel parcel(kAtOnce);
  msghdr& message = parcel.message;
  const bool came = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) == 1;
  const cmsghdr* const header = came ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) {
    return fail(Errc::unreachable, "nothing is handed over");
  }
  const std::size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < n; ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
    fds.emplace_back(fd);
  }
  return (message.msg_flags & MSG_CTRUNC) == 0
             ? Result<>()
             : fail(Errc::busy, "too many descriptors are handed over");
}

// --- the text ---

std::vector<int> descriptors(const Estate& estate, int text) {
  std::vector<int> out{text,
                       estate.group.get(),
                       estate.lock.get(),
                       estate.door.get(),
                       estate.space.get(),
                       estate.directory.get()};
  if (estate.traps) {
    const TrapsLeft& traps = *estate.traps;
    out.insert(out.end(),
               {traps.root.get(), traps.walks.get(), traps.notices.get(), traps.usher.get()});
    for (const auto& trap : traps.traps) {
      out.insert(out.end(), {trap.directory.get(), trap.control.get()});
    }
  }
  for (const Event& event : estate.events) out.push_back(event.fd.get());
  return out;
}

// The clock is the machine's, not the process's.
std::int64_t nanoseconds(SteadyTime time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}
SteadyTime moment(std::int64_t nanoseconds) {
  return SteadyTime(std::chrono::nanoseconds(nanoseconds));
}

void describe(const TrapsLeft& traps, std::ostream& out) {
  out << "traps " << traps.group << ' ' << nanoseconds(traps.last_stale) << '\0';
  for (const auto& trap : traps.traps) {
    out << "trap " << trap.state << ' ' << trap.key << ' ' << trap.device << ' '
        << nanoseconds(trap.since) << ' ';
    for (const std::uint32_t token : trap.tokens) out << token << ',';
    out << ' ' << trap.path << '\0';
  }
}

std::string describe(const Estate& estate) {
  std::ostringstream out;
  out << kVersion << ' ' << descriptors(estate, -1).size() << ' ' << static_cast<int>(estate.mode)
      << ' ' << estate.opens.fill_up_to << ' ' << estate.opens.reserves << ' ' << estate.idmapped
      << ' ' << estate.terms << '\0';
  if (estate.traps) describe(*estate.traps, out);
  for (std::size_t i = 0; i < estate.events.size(); ++i) {
    const Event& event = estate.events[i];
    out << "event " << estate.numbers[i] << ' ' << static_cast<int>(event.kind) << ' '
        << (event.offset ? static_cast<std::int64_t>(*event.offset) : -1) << ' ' << event.count
        << ' ' << event.pid << '\0';
  }
  return std::move(out).str();
}

Result<UniqueFd> in_memory(const std::string& text) {
  UniqueFd fd(::memfd_create("lazymirror-estate", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot make a file in memory");
  if (auto r = pwrite_full(fd.get(), std::as_bytes(std::span(text)), 0); !r) return fail(r.error());
  return fd;
}

Result<std::string> text_of(const UniqueFd& fd) {
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (size < 0 || static_cast<std::size_t>(size) > kMaxText) return unknown();
  std::string text(static_cast<std::size_t>(size), '\0');
  const auto read = pread_full(fd.get(), std::as_writable_bytes(std::span(text)), 0);
  if (!read || *read != text.size()) return unknown();
  return text;
}

// How many descriptors there are; nothing in a text of another version.
std::optional<std::size_t> announced(const std::string& text) {
  if (!text.starts_with(std::string(kVersion) + ' ')) return std::nullopt;
  std::istringstream in(text.substr(std::strlen(kVersion), 32));
  std::size_t n = 0;
  in >> n;
  if (in.fail() || n > kMaxDescriptors) return std::nullopt;
  return n;
}

// --- unpacking ---

class Unpacking {
 public:
  Unpacking(std::string text, std::vector<UniqueFd> fds)
      : text_(std::move(text)), fds_(std::move(fds)) {}

  Result<Estate> run() {
    for (std::size_t at = 0; at < text_.size() && fine_;) {
      const std::size_t end = std::min(text_.find('\0', at), text_.size());
      take(text_.substr(at, end - at));
      at = end + 1;
    }
    if (!fine_ || next_ != fds_.size()) return unknown();
    settle_events();
    return std::move(estate_);
  }

 private:
  void take(const std::string& record) {
    std::istringstream in(record);
    std::string word;
    in >> word;
    if (word == "lazymirror-estate") return take_head(in);
    if (word == "traps") return take_traps(in);
    if (word == "trap") return take_trap(in);
    if (word == "event") return take_event(in);
    fine_ = false;
  }

  UniqueFd fd() {
    if (next_ < fds_.size()) return std::move(fds_[next_++]);
    fine_ = false;
    return {};
  }

  void take_rest(std::istringstream& in, std::string& text) {
    in.get();  // the blank before it
    std::getline(in, text, '\0');
  }

  void take_head(std::istringstream& in) {
    int version = 0, mode = 0;
    std::size_t all = 0;
    in >> version >> all >> mode >> estate_.opens.fill_up_to >> estate_.opens.reserves;
    in >> estate_.idmapped;
    fine_ = fine_ && !in.fail();
    estate_.mode = mode == 0 ? EventMode::pre_access : EventMode::access_perm;
    take_rest(in, estate_.terms);
    for (UniqueFd* one :
         {&estate_.group, &estate_.lock, &estate_.door, &estate_.space, &estate_.directory}) {
      *one = fd();
    }
  }

  void take_traps(std::istringstream& in) {
    std::int64_t stale = 0;
    estate_.traps.emplace();
    in >> estate_.traps->group >> stale;
    fine_ = fine_ && !in.fail();
    estate_.traps->last_stale = moment(stale);
    estate_.traps->root = fd();
    estate_.traps->walks = fd();
    estate_.traps->notices = fd();
    estate_.traps->usher = fd();
  }

  void take_trap(std::istringstream& in) {
    TrapsLeft::Trap trap;
    std::string tokens;
    std::int64_t since = 0;
    in >> trap.state >> trap.key >> trap.device >> since;
    trap.since = moment(since);
    in.get();
    std::getline(in, tokens, ' ');
    fine_ = fine_ && !in.fail() && estate_.traps;
    std::getline(in, trap.path, '\0');
    std::istringstream each(tokens);
    for (std::string token; std::getline(each, token, ',');) {
      trap.tokens.push_back(static_cast<std::uint32_t>(std::strtoul(token.c_str(), nullptr, 10)));
    }
    trap.directory = fd();
    trap.control = fd();
    if (fine_) estate_.traps->traps.push_back(std::move(trap));
  }

  void take_event(std::istringstream& in) {
    Event event;
    int number = -1, kind = 0;
    std::int64_t offset = -1;
    in >> number >> kind >> offset >> event.count >> event.pid;
    fine_ = fine_ && !in.fail() && number >= 0;
    event.kind = static_cast<Event::Kind>(kind);
    if (offset >= 0) event.offset = static_cast<std::uint64_t>(offset);
    event.fd = fd();
    estate_.numbers.push_back(number);
    estate_.events.push_back(std::move(event));
  }

  // Everything else gives way first: the numbers of events are not ours to choose.
  void settle_events() {
    fds_.clear();
    const auto& numbers = estate_.numbers;
    const int above = numbers.empty() ? 0 : *std::max_element(numbers.begin(), numbers.end()) + 1;
    move_above(above);
    std::vector<Event> settled;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (give_number(estate_.events[i], numbers[i])) {
        settled.push_back(std::move(estate_.events[i]));
      } else {
        estate_.lost.push_back(numbers[i]);
      }
    }
    estate_.events = std::move(settled);
  }

  void move_above(int above) {
    for (UniqueFd* one :
         {&estate_.group, &estate_.lock, &estate_.door, &estate_.space, &estate_.directory}) {
      move_above(*one, above);
    }
    for (Event& event : estate_.events) move_above(event.fd, above);
    if (!estate_.traps) return;
    for (UniqueFd* one : {&estate_.traps->root, &estate_.traps->walks, &estate_.traps->notices,
                          &estate_.traps->usher}) {
      move_above(*one, above);
    }
    for (auto& trap : estate_.traps->traps) {
      move_above(trap.directory, above);
      move_above(trap.control, above);
    }
  }

  static void move_above(UniqueFd& fd, int above) {
    if (fd.get() >= above) return;
    const int moved = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, above);
    if (moved >= 0) fd.reset(moved);
  }

  static bool give_number(Event& event, int number) {
    if (::fcntl(number, F_GETFD) >= 0) return false;
    if (::dup3(event.fd.get(), number, O_CLOEXEC) != number) return false;
    event.fd.reset(number);
    return true;
  }

  const std::string text_;
  std::vector<UniqueFd> fds_;
  std::size_t next_ = 1;
  bool fine_ = true;
  Estate estate_;
};

}  // namespace

Result<> send_estate(int socket, const Estate& estate, Duration limit) {
  const Patience patience(limit);
  auto text = in_memory(describe(estate));
  if (!text) return fail(text.error());
  return send_all(socket, descriptors(estate, text->get()), patience);
}

Result<Estate> receive_estate(int socket, Duration limit) {
  const Patience patience(limit);
  std::vector<UniqueFd> fds;
  if (auto r = receive_some(socket, fds, patience); !r) return fail(r.error());
  if (fds.empty()) return unknown();
  auto text = text_of(fds.front());
  if (!text) return fail(text.error());
  const auto all = announced(*text);
  if (!all) return unknown();
  while (fds.size() < *all) {
    if (auto r = receive_some(socket, fds, patience); !r) return fail(r.error());
  }
  return Unpacking(std::move(*text), std::move(fds)).run();
}

void occupy_first_numbers(std::vector<UniqueFd>& occupied) {
  UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  while (null.valid() && null.get() < kFirstEventNumber) {
    occupied.push_back(std::move(null));
    null.reset(::fcntl(occupied.back().get(), F_DUPFD_CLOEXEC, 0));
  }
}

}  // namespace lazymirror::fanotify
