// SPDX-License-Identifier: Apache-2.0
#include "fanotify/self_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include "base/file_io.h"
#include "fanotify/forked_child.h"
#include "fanotify/mount_calls.h"

namespace lazymirror::fanotify {
namespace {

using std::chrono::duration_cast;
using std::chrono::steady_clock;

constexpr Duration kPatience{30'000};  // of each point; waited for only where it fails
constexpr std::size_t kPage = 4096, kFileBytes = 16 * kPage;
constexpr std::uint64_t kReadAt = 2 * kPage, kMapAt = 4 * kPage;
constexpr std::size_t kReadBytes = kPage, kMapBytes = 2 * kPage;
constexpr unsigned char kFilled = 0xa5;

constexpr const char* kFile = "file";
constexpr const char* kDirectory = "directory";
constexpr const char* kName = "name";

// An event, without the descriptor.
struct Seen {
  Event::Kind kind;
  std::optional<std::uint64_t> offset;
  std::uint64_t count;
};

struct Outcome {
  bool in_time = true;
  int status = 0;  // of the child: an errno
  std::vector<Seen> events;
  [[nodiscard]] bool well() const { return in_time && status == 0; }
};

// What a child returned, through memory that it shares with us.
class SharedStatus {
 public:
  SharedStatus()
      : place_(::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0)) {
    if (is_valid()) set(EPIPE);
  }
  SharedStatus(const SharedStatus&) = delete;
  SharedStatus& operator=(const SharedStatus&) = delete;
  ~SharedStatus() {
    if (is_valid()) (void)::munmap(place_, sizeof(int));
  }
  [[nodiscard]] bool is_valid() const { return place_ != MAP_FAILED; }
  void set(int status) { std::memcpy(place_, &status, sizeof status); }
  [[nodiscard]] int get() const {
    int status = 0;
    std::memcpy(&status, place_, sizeof status);
    return status;
  }

 private:
  void* place_;
};

class Trial {
 public:
  static Result<Trial> begin(const std::string& scratch, EventMode mode);

  using Body = std::function<int()>;                 // in the child
  using Reaction = std::function<int(const Seen&)>;  // to its events: the answer
  Result<Outcome> run(const Body& body, const Reaction& react);

  [[nodiscard]] int own() const { return own_.get(); }  // what is done here is not told
  [[nodiscard]] bool has_ranges() const { return group_.mode() == EventMode::pre_access; }
  [[nodiscard]] std::string operator/(const char* name) const { return scratch_ + '/' + name; }
  [[nodiscard]] int fill() const;

 private:
  Trial(std::string scratch, Group group, UniqueFd own)
      : scratch_(std::move(scratch)), group_(std::move(group)), own_(std::move(own)) {}
  Result<> take_events(const Reaction& react, Outcome& outcome);

  std::string scratch_;
  Group group_;
  UniqueFd own_;
};

Result<UniqueFd> make_file(const std::string& path) {
  auto file = open_fd(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL);
  if (file && ::ftruncate(file->get(), kFileBytes) != 0) {
    return fail_errno(errno, "cannot resize " + path);
  }
  return file;
}

Result<Trial> Trial::begin(const std::string& scratch, EventMode mode) {
  auto file = make_file(scratch + '/' + kFile);
  if (!file) return fail(file.error());
  const std::string directory = scratch + '/' + kDirectory;
  if (::mkdir(directory.c_str(), 0700) != 0) return fail_errno(errno, "cannot make " + directory);
  auto place = open_fd(AT_FDCWD, scratch, O_PATH | O_DIRECTORY);
  auto inner = open_fd(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  if (!place || !inner) return fail(!place ? place.error() : inner.error());
  auto own = clone_mount(place->get(), 0);
  if (!own) return fail(own.error());
  auto group = Group::create(mode);
  if (!group) return fail(group.error());
  if (auto r = group->ignore_mount(own->get()); !r) return fail(r.error());
  if (auto r = group->guard_file(file->get()); !r) return fail(r.error());
  if (auto r = group->guard_directory(inner->get()); !r) return fail(r.error());
  return Trial(scratch, std::move(*group), std::move(*own));
}

Result<> Trial::take_events(const Reaction& react, Outcome& outcome) {
  auto taken = group_.read();
  if (!taken) return fail(taken.error());
  for (const Event& event : taken->events) {
    outcome.events.push_back({event.kind, event.offset, event.count});
    // A child that was killed meanwhile needs none.
    (void)group_.answer(event.fd.get(), react(outcome.events.back()));
  }
  return {};
}

Result<Outcome> Trial::run(const Body& body, const Reaction& react) {
  SharedStatus status;
  if (!status.is_valid()) return fail_errno(errno, "cannot map memory");
  auto child = ForkedChild::start([&] {
    // If this process is killed, the child must not wait for an answer for ever,
    // with all that it has inherited; a copy of the group would keep it waiting.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    group_.close();
    status.set(body());
    return 0;
  });
  if (!child) return fail(child.error());
  Outcome outcome;
  const SteadyTime until = steady_clock::now() + kPatience;
  for (;;) {
    const auto left = duration_cast<Duration>(until - steady_clock::now());
    if (left.count() <= 0) break;
    std::array<pollfd, 2> fds{pollfd{group_.fd(), POLLIN, 0}, pollfd{child->pidfd(), POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) < 0) continue;
    if (auto r = take_events(react, outcome); !r) return fail(r.error());
    if (fds[1].revents != 0) {
      outcome.status = status.get();
      return outcome;
    }
  }
  outcome.in_time = false;
  return outcome;
}

// Through our own mount; the answer to the event.
int Trial::fill() const {
  const auto file = open_fd(own_.get(), kFile, O_WRONLY);
  if (!file) return EIO;
  std::array<std::byte, kPage> page;
  page.fill(static_cast<std::byte>(kFilled));
  for (std::uint64_t at = 0; at < kFileBytes; at += kPage) {
    if (!pwrite_full(file->get(), page, at)) return EIO;
  }
  return 0;
}

// --- what children do; 0 or an errno ---

bool is_filled(const unsigned char* bytes, std::size_t count) {
  return std::all_of(bytes, bytes + count, [](unsigned char byte) { return byte == kFilled; });
}

int read_page(int directory, const std::string& path, bool filled) {
  const auto file = open_fd(directory, path, O_RDONLY);
  if (!file) return file.error().os_errno;
  std::array<unsigned char, kReadBytes> bytes{};
  const ssize_t n = ::pread(file->get(), bytes.data(), bytes.size(), kReadAt);
  if (n < 0) return errno;
  return !filled || is_filled(bytes.data(), static_cast<std::size_t>(n)) ? 0 : ENODATA;
}

int map_pages(const std::string& path) {
  const auto file = open_fd(AT_FDCWD, path, O_RDONLY);
  if (!file) return file.error().os_errno;
  void* const map = ::mmap(nullptr, kMapBytes, PROT_READ, MAP_PRIVATE, file->get(), kMapAt);
  if (map == MAP_FAILED) return errno;
  const bool filled = is_filled(static_cast<const unsigned char*>(map), kMapBytes);
  (void)::munmap(map, kMapBytes);
  return filled ? 0 : ENODATA;
}

int find_name(const std::string& path) {
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) return errno;
  int found = ENOENT;
  while (const dirent* entry = ::readdir(directory)) {
    if (std::strcmp(entry->d_name, kName) == 0) found = 0;
  }
  (void)::closedir(directory);
  return found;
}

// --- the points ---

bool has_range(const Outcome& outcome, std::uint64_t offset, std::uint64_t count) {
  return std::any_of(outcome.events.begin(), outcome.events.end(), [&](const Seen& seen) {
    return seen.kind == Event::Kind::read && seen.offset == offset && seen.count == count;
  });
}

constexpr const char* kNewer = "; a newer kernel is needed (Linux 6.14 has all of it)";

using Failures = std::vector<std::string>;

Result<> try_own_mount(Trial& trial, Failures& failures) {
  const auto outcome = trial.run([&] { return read_page(trial.own(), kFile, false); },
                                 [](const Seen&) { return 0; });
  if (!outcome) return fail(outcome.error());
  if (outcome->well() && outcome->events.empty()) return {};
  failures.push_back(std::string("what is done through an ignored mount is told to the listener, "
                                 "which would wait for itself") +
                     kNewer);
  return {};
}

// Before Linux 6.13, which tells no ranges either, a reader can only be given EPERM.
int read_refused(const Trial& trial) {
  const int error = read_page(AT_FDCWD, trial / kFile, false);
  return error == EIO || (error == EPERM && !trial.has_ranges()) ? 0 : EBADE;
}

Result<> try_denial(Trial& trial, Failures& failures) {
  const auto outcome =
      trial.run([&] { return read_refused(trial); }, [](const Seen&) { return EIO; });
  if (!outcome) return fail(outcome.error());
  if (outcome->well()) return {};
  failures.push_back(std::string("a reader that is refused does not get the error it is given") +
                     kNewer);
  return {};
}

Result<> try_read(Trial& trial, Failures& failures) {
  const auto outcome = trial.run([&] { return read_page(AT_FDCWD, trial / kFile, true); },
                                 [&](const Seen&) { return trial.fill(); });
  if (!outcome) return fail(outcome.error());
  if (!outcome->well()) {
    failures.push_back("a reader does not see what was filled in while it waited");
  } else if (trial.has_ranges() && !has_range(*outcome, kReadAt, kReadBytes)) {
    failures.push_back(std::string("the range of a read is not told") + kNewer);
  }
  return {};
}

Result<> try_map(Trial& trial, Failures& failures) {
  if (!trial.has_ranges()) return {};
  const auto outcome =
      trial.run([&] { return map_pages(trial / kFile); }, [](const Seen&) { return 0; });
  if (!outcome) return fail(outcome.error());
  if (outcome->well() && has_range(*outcome, kMapAt, kMapBytes)) return {};
  failures.push_back(std::string("the range of a mapped file is not told, or not rightly") +
                     kNewer + "; or watch with --events=access-perm");
  return {};
}

Result<> try_directory(Trial& trial, Failures& failures) {
  const std::string below = std::string(kDirectory) + '/' + kName;
  const auto outcome = trial.run(
      [&] { return find_name(trial / kDirectory); },
      [&](const Seen&) { return open_fd(trial.own(), below, O_WRONLY | O_CREAT) ? 0 : EIO; });
  if (!outcome) return fail(outcome.error());
  if (outcome->well()) return {};
  failures.push_back(std::string("a directory does not show what was made while it was opened") +
                     kNewer);
  return {};
}

void try_reflinks(const Trial& trial, std::vector<std::string>& limits) {
  const auto from = open_fd(trial.own(), kFile, O_RDONLY);
  const auto to = open_fd(trial.own(), "clone", O_WRONLY | O_CREAT);
  if (from && to && ::ioctl(to->get(), FICLONE, from->get()) == 0) return;
  limits.emplace_back(
      "this file system cannot share blocks between files (reflinks): a file above "
      "--fill-on-open-limit takes its whole size while it is open, and programs that ask where "
      "holes are (bsdtar, grep) find them until it is complete; use XFS or btrfs (lazymirror "
      "mkcache), or --fill-on=open");
}

}  // namespace

Result<SelfTestReport> self_test(const std::string& scratch, EventMode mode) {
  auto trial = Trial::begin(scratch, mode);
  if (!trial) return fail(trial.error());
  SelfTestReport report;
  if (auto r = try_own_mount(*trial, report.failures); !r) return fail(r.error());
  // The other points do what this one found to block.
  if (!report.failures.empty()) return report;
  for (const auto point : {try_denial, try_read, try_map, try_directory}) {
    if (auto r = point(*trial, report.failures); !r) return fail(r.error());
  }
  try_reflinks(*trial, report.limits);
  return report;
}

}  // namespace lazymirror::fanotify
