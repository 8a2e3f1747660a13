// SPDX-License-Identifier: Apache-2.0
//
// Read loops for the benchmarks, each printing one number. The loop is all that
// is timed; the same loop runs on the mount and on plain files.
//   seq   FILE BLOCK              MB/s
//   rand  FILE BLOCK COUNT SEED   reads/s; the median of three passes, as of seq
//   mmap  FILE                    MB/s, all words loaded; the median of three maps
//   once  FILE BLOCK              as seq, but one pass: of a file that is not cached
//   small LIST ROOT               files/s of open, read to the end, close
//   first FILE COUNT              milliseconds of a 4 KiB read far from all others: the median
//   open  FILE COUNT              opens and closes/s; the median of three passes
//   crowd FILE COUNT TRUTH        milliseconds until a reader of COUNT at once has his bytes, which
//                                 are compared with those of the file TRUTH: the 99th percentile
//   evict FILE                    nothing; drops its pages
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <latch>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace {

using lazymirror::UniqueFd;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

UniqueFd open_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) throw std::runtime_error("open " + path + ": " + std::strerror(errno));
  return fd;
}

std::uint64_t size_of(const UniqueFd& fd) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) throw std::runtime_error("fstat");
  return static_cast<std::uint64_t>(info.st_size);
}

std::size_t checked(ssize_t n) {
  if (n < 0) throw std::runtime_error(std::string("read: ") + std::strerror(errno));
  return static_cast<std::size_t>(n);
}

double sequential(const std::string& path, std::size_t block) {
  const UniqueFd fd = open_file(path);
  std::vector<char> buffer(block);
  std::uint64_t total = 0;
  const auto begin = Clock::now();
  while (const std::size_t n = checked(::read(fd.get(), buffer.data(), block))) total += n;
  const double seconds = seconds_since(begin);
  if (total != size_of(fd)) throw std::runtime_error("short file");
  return static_cast<double>(total) / 1e6 / seconds;
}

double at_random(const std::string& path, std::size_t block, int count, unsigned seed) {
  const UniqueFd fd = open_file(path);
  const std::uint64_t blocks = size_of(fd) / block;
  std::mt19937_64 random(seed);
  std::vector<char> buffer(block);
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) {
    const auto offset = static_cast<off_t>(random() % blocks * block);
    if (checked(::pread(fd.get(), buffer.data(), block, offset)) != block) {
      throw std::runtime_error("short read");
    }
  }
  return count / seconds_since(begin);
}

double mapped(const std::string& path) {
  const UniqueFd fd = open_file(path);
  const std::uint64_t size = size_of(fd);
  const auto begin = Clock::now();
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (map == MAP_FAILED) throw std::runtime_error("mmap");
  const auto* words = static_cast<const volatile std::uint64_t*>(map);
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < size / 8; ++i) sum += words[i];
  const double seconds = seconds_since(begin);
  ::munmap(map, size);
  if (sum == 42) std::fputs("unlikely\n", stderr);
  return static_cast<double>(size) / 1e6 / seconds;
}

double small_files(const std::string& list, const std::string& root) {
  std::vector<std::string> paths;
  std::ifstream names(list);
  for (std::string name; std::getline(names, name);) paths.push_back(root + '/' + name);
  std::vector<char> buffer(65536);
  const auto begin = Clock::now();
  for (const std::string& path : paths) {
    const UniqueFd fd = open_file(path);
    while (checked(::read(fd.get(), buffer.data(), buffer.size())) > 0) {
    }
  }
  return static_cast<double>(paths.size()) / seconds_since(begin);
}

double first_bytes(const std::string& path, int count) {
  const UniqueFd fd = open_file(path);
  // Our own pattern is the worst case: nothing may be guessed from it.
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
  const std::uint64_t step = size_of(fd) / static_cast<unsigned>(count + 1);
  std::vector<char> buffer(4096);
  std::vector<double> times;
  // The first one warms the connection and is not counted.
  for (int i = 0; i <= count; ++i) {
    const std::uint64_t offset = step * static_cast<unsigned>(i * 7 % (count + 1)) + 12'345;
    const auto begin = Clock::now();
    (void)checked(::pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset)));
    if (i > 0) times.push_back(1000 * seconds_since(begin));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

double opens(const std::string& path, int count) {
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) (void)open_file(path);
  return count / seconds_since(begin);
}

// Each reads another place of the file, all begin together.
double crowd(const std::string& path, unsigned count, const std::string& truth) {
  const std::uint64_t step = size_of(open_file(path)) / count;
  const UniqueFd right = open_file(truth);
  std::atomic<bool> wrong{false};
  std::vector<double> times(count);
  std::vector<std::thread> readers;
  std::latch all(static_cast<std::ptrdiff_t>(count));
  for (unsigned i = 0; i < count; ++i) {
    readers.emplace_back([&, i] {
      const UniqueFd fd = open_file(path);
      std::array<char, 4096> buffer, expected;
      const auto offset = static_cast<off_t>(i * step);
      all.arrive_and_wait();
      const auto begin = Clock::now();
      const ssize_t n = ::pread(fd.get(), buffer.data(), buffer.size(), offset);
      times[i] = 1000 * seconds_since(begin);
      (void)!::pread(right.get(), expected.data(), expected.size(), offset);
      if (n != static_cast<ssize_t>(buffer.size()) || buffer != expected) wrong = true;
    });
  }
  for (std::thread& reader : readers) reader.join();
  if (wrong) throw std::runtime_error("wrong bytes, or an error");
  std::sort(times.begin(), times.end());
  return times[count * 99 / 100];
}

template <typename F>
double median_of_three(F&& pass) {
  std::array<double, 3> values{pass(), pass(), pass()};
  std::sort(values.begin(), values.end());
  return values[1];
}

double run(const std::vector<std::string>& a) {
  if (a.size() == 3 && a[0] == "once") return sequential(a[1], std::stoul(a[2]));
  if (a.size() == 3 && a[0] == "seq") {
    return median_of_three([&] { return sequential(a[1], std::stoul(a[2])); });
  }
  if (a.size() == 5 && a[0] == "rand") {
    return median_of_three([&] {
      return at_random(a[1], std::stoul(a[2]), std::stoi(a[3]),
                       static_cast<unsigned>(std::stoul(a[4])));
    });
  }
  if (a.size() == 2 && a[0] == "mmap") return median_of_three([&] { return mapped(a[1]); });
  if (a.size() == 3 && a[0] == "small") return small_files(a[1], a[2]);
  if (a.size() == 3 && a[0] == "first") return first_bytes(a[1], std::stoi(a[2]));
  if (a.size() == 3 && a[0] == "open") {
    return median_of_three([&] { return opens(a[1], std::stoi(a[2])); });
  }
  if (a.size() == 4 && a[0] == "crowd") {
    return crowd(a[1], static_cast<unsigned>(std::stoul(a[2])), a[3]);
  }
  if (a.size() == 2 && a[0] == "evict") {
    ::posix_fadvise(open_file(a[1]).get(), 0, 0, POSIX_FADV_DONTNEED);
    return 0;
  }
  throw std::runtime_error("see the head of read_bench.cpp");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::cout << run({argv + 1, argv + argc}) << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "read_bench: " << error.what() << '\n';
    return 1;
  }
}
