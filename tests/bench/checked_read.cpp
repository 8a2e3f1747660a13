// SPDX-License-Identifier: Apache-2.0
//
// The reads of scripts/bench, timed and checked: what a loop read is kept and
// compared with the truth once the clock has stopped. Prints seconds; the
// median where there are several PASSES.
//   seq    TRUTH FILE PASSES           blocks of 128 KiB from begin to end
//   random TRUTH FILE COUNT PASSES     COUNT reads of 4 KiB, in each pass at the same places
//   first  TRUTH FILE COUNT            a read of 4 KiB far from all others: the median of COUNT
//   files  TRUTH ROOT LIST THREADS PASSES  open, read to the end, close of each name in LIST
// TRUTH and FILE are two paths of one file, or for files two roots. Wrong bytes
// or an error: a message and status 1.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace {

using lazymirror::UniqueFd;
using Clock = std::chrono::steady_clock;
using Bytes = std::vector<char>;

constexpr std::size_t kBlock = 128 << 10;
constexpr std::size_t kPage = 4096;

UniqueFd open_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) throw std::runtime_error("open " + path + ": " + std::strerror(errno));
  return fd;
}

std::size_t size_of(const UniqueFd& fd) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) throw std::runtime_error("fstat");
  return static_cast<std::size_t>(info.st_size);
}

std::size_t read_some(const UniqueFd& fd, char* to, std::size_t size, std::size_t at) {
  const ssize_t n = ::pread(fd.get(), to, size, static_cast<off_t>(at));
  if (n < 0) throw std::runtime_error(std::string("read: ") + std::strerror(errno));
  return static_cast<std::size_t>(n);
}

// Up to the end of the file, or until `to` is full; the number of bytes.
std::size_t read_through(const UniqueFd& fd, Bytes& to) {
  std::size_t done = 0;
  while (done < to.size()) {
    const std::size_t n = read_some(fd, to.data() + done, std::min(kBlock, to.size() - done), done);
    if (n == 0) break;
    done += n;
  }
  return done;
}

Bytes whole(const std::string& path) {
  const UniqueFd fd = open_file(path);
  Bytes bytes(size_of(fd));
  if (read_through(fd, bytes) != bytes.size()) throw std::runtime_error("short: " + path);
  return bytes;
}

template <typename F>
double seconds_of(F&& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

template <typename F>
double median_of(int passes, F&& pass) {
  std::vector<double> times;
  for (int i = 0; i < passes; ++i) times.push_back(pass());
  return median(std::move(times));
}

double sequential(const std::string& truth_path, const std::string& path, int passes) {
  const Bytes truth = whole(truth_path);
  Bytes got(truth.size() + 1);
  return median_of(passes, [&] {
    std::size_t size = 0;
    const double seconds = seconds_of([&] { size = read_through(open_file(path), got); });
    if (size != truth.size() || !std::equal(truth.begin(), truth.end(), got.begin())) {
      throw std::runtime_error("wrong bytes: " + path);
    }
    return seconds;
  });
}

double read_places(const std::string& truth_path, const std::string& path,
                   const std::vector<std::size_t>& places, std::vector<double>& each) {
  const UniqueFd truth = open_file(truth_path), file = open_file(path);
  Bytes got(places.size() * kPage);
  each.clear();
  const double seconds = seconds_of([&] {
    for (std::size_t i = 0; i < places.size(); ++i) {
      each.push_back(seconds_of([&] {
        if (read_some(file, got.data() + i * kPage, kPage, places[i]) != kPage) {
          throw std::runtime_error("short read");
        }
      }));
    }
  });
  Bytes right(kPage);
  for (std::size_t i = 0; i < places.size(); ++i) {
    (void)read_some(truth, right.data(), kPage, places[i]);
    if (std::memcmp(right.data(), got.data() + i * kPage, kPage) != 0) {
      throw std::runtime_error("wrong bytes: " + path);
    }
  }
  return seconds;
}

double at_random(const std::string& truth, const std::string& path, std::size_t count, int passes) {
  const std::size_t pages = size_of(open_file(truth)) / kPage;
  std::mt19937_64 random(1);
  std::vector<std::size_t> places(count);
  for (std::size_t& place : places) place = random() % pages * kPage;
  std::vector<double> each;
  return median_of(passes, [&] { return read_places(truth, path, places, each); });
}

// The first read warms the connection and is not counted.
double first_bytes(const std::string& truth, const std::string& path, std::size_t count) {
  const std::size_t step = size_of(open_file(truth)) / (count + 2);
  std::vector<std::size_t> places{step * (count + 1)};
  // From the middle outwards, so that no order can be guessed.
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t half = (i + 1) / 2;
    places.push_back(step * (i % 2 == 0 ? count / 2 + half : count / 2 - half) / kPage * kPage);
  }
  std::vector<double> each;
  (void)read_places(truth, path, places, each);
  return median({each.begin() + 1, each.end()});
}

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Names are taken in turn by all readers.
class FileReaders {
 public:
  FileReaders(const std::string& truth, const std::string& root,
              const std::vector<std::string>& names)
      : root_(root), names_(names) {
    for (const std::string& name : names) truth_.push_back(whole(truth + '/' + name));
    for (const Bytes& bytes : truth_) got_.emplace_back(bytes.size() + 1);
  }

  double pass(unsigned threads) {
    next_ = 0;
    const double seconds = seconds_of([&] {
      std::vector<std::jthread> readers;
      for (unsigned i = 1; i < threads; ++i) readers.emplace_back([this] { read_all(); });
      read_all();
    });
    if (failed_) throw std::runtime_error("a file could not be read, or is wrong");
    check();
    return seconds;
  }

 private:
  void read_all() noexcept {
    try {
      for (std::size_t i = next_++; i < names_.size(); i = next_++) {
        const UniqueFd fd = open_file(root_ + '/' + names_[i]);
        if (read_through(fd, got_[i]) != truth_[i].size()) failed_ = true;
      }
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
      failed_ = true;
    }
  }

  void check() const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (!std::equal(truth_[i].begin(), truth_[i].end(), got_[i].begin())) {
        throw std::runtime_error("wrong bytes: " + names_[i]);
      }
    }
  }

  std::string root_;
  std::vector<std::string> names_;
  std::vector<Bytes> truth_, got_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
};

double run(const std::vector<std::string>& a) {
  if (a.size() == 4 && a[0] == "seq") return sequential(a[1], a[2], std::stoi(a[3]));
  if (a.size() == 5 && a[0] == "random") {
    return at_random(a[1], a[2], std::stoul(a[3]), std::stoi(a[4]));
  }
  if (a.size() == 4 && a[0] == "first") return first_bytes(a[1], a[2], std::stoul(a[3]));
  if (a.size() == 6 && a[0] == "files") {
    FileReaders readers(a[1], a[2], lines_of(a[3]));
    const auto threads = static_cast<unsigned>(std::stoul(a[4]));
    return median_of(std::stoi(a[5]), [&] { return readers.pass(threads); });
  }
  throw std::runtime_error("see the head of checked_read.cpp");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::cout << run({argv + 1, argv + argc}) << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "checked_read: " << error.what() << '\n';
    return 1;
  }
}
