// SPDX-License-Identifier: Apache-2.0
#include "cli/watched_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>

namespace lazymirror::cli {
namespace {

constexpr std::string_view kData = "/data";

bool exists(const std::string& path, mode_t type) {
  struct stat attributes {};
  return ::lstat(path.c_str(), &attributes) == 0 && (attributes.st_mode & S_IFMT) == type;
}

// The part of `path` below `place`, or nothing if it is not below.
std::optional<std::string> part_below(const std::string& path, const std::string& place) {
  if (path == place) return std::string();
  const std::string prefix = place.ends_with('/') ? place : place + "/";
  if (!path.starts_with(prefix)) return std::nullopt;
  return path.substr(prefix.size());
}

bool shows_the_same(const std::string& a, const std::string& b) {
  struct stat one {};
  struct stat other {};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 &&
         one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// CACHE, if `place` is CACHE/data.
std::string cache_around(const std::string& place) {
  if (!place.ends_with(kData)) return {};
  const std::string cache = place.substr(0, place.size() - kData.size());
  return is_cache_directory(cache) ? cache : std::string();
}

// The cache whose data is mounted at this line's place, also when that is
// another than the cache's own.
std::string cache_of(const MountLine& line, const Mounts& mounts) {
  if (is_our_mount(line)) return mounts.registered(line);
  for (const MountLine& other : mounts.lines) {
    if (other.device != line.device || other.root != line.root) continue;
    if (auto cache = cache_around(other.path); !cache.empty()) return cache;
  }
  return {};
}

// The topmost mount at exactly `path`.
const MountLine* mount_at(const std::string& path, const Mounts& mounts) {
  const auto line =
      std::find_if(mounts.lines.rbegin(), mounts.lines.rend(),
                   [&](const MountLine& candidate) { return candidate.path == path; });
  return line == mounts.lines.rend() ? nullptr : &*line;
}

bool is_tree(const std::string& path, const Mounts& mounts) {
  const MountLine* line = mount_at(path, mounts);
  return line != nullptr && (is_our_mount(*line) || !cache_of(*line, mounts).empty());
}

std::string parent_of(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

// Walks a path as the kernel does, by looking at each link, but stops at trees.
class Walk {
 public:
  Walk(const std::string& path, const Mounts& mounts) : mounts_(mounts) { put(path); }

  Result<std::string> to_end() {
    while (!left_.empty()) {
      const std::string name = std::move(left_.back());
      left_.pop_back();
      if (auto r = step(name); !r) return fail(r.error());
    }
    return at_;
  }

 private:
  static constexpr int kMostLinks = 40;

  // What is to be walked next.
  void put(const std::string& path) {
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      if (end > begin) names.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
    left_.insert(left_.end(), names.rbegin(), names.rend());
  }

  Result<> step(const std::string& name) {
    if (name == ".") return {};
    if (name == "..") {
      in_tree_ = in_tree_ && at_ != tree_;
      at_ = parent_of(at_);
      return {};
    }
    const std::string next = at_ == "/" ? at_ + name : at_ + "/" + name;
    if (in_tree_ || is_tree(next, mounts_)) {
      if (!in_tree_) tree_ = next;
      in_tree_ = true;
      at_ = next;
      return {};
    }
    return look(next);
  }

  Result<> look(const std::string& next) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(next.c_str(), target.data(), target.size());
    if (size < 0 && errno != EINVAL) return fail_errno(errno, "cannot reach " + next);
    if (size < 0) {
      at_ = next;
      return {};
    }
    if (++links_ > kMostLinks) return fail_errno(ELOOP, "cannot reach " + next);
    if (target[0] == '/') at_ = "/";
    put(std::string(target.data(), static_cast<std::size_t>(size)));
    return {};
  }

  const Mounts& mounts_;
  std::vector<std::string> left_;  // the next name last
  std::string at_ = "/";
  std::string tree_;
  bool in_tree_ = false;
  int links_ = 0;
};

Failure not_watched(const std::string& path) {
  for (std::string above = path; above.size() > 1; above = parent_of(above)) {
    if (!is_cache_directory(above)) continue;
    return fail(Errc::not_found, "nothing watches the cache " + above +
                                     ": start it with lazymirror watch URL " + above);
  }
  return fail(Errc::not_found, path +
                                   " is not below a watched tree: lazymirror watch shows one at "
                                   "CACHE/data, lazymirror mount at its mount point; "
                                   "--cache-location names the cache");
}

Failure not_registered(const MountLine& line) {
  return fail(Errc::not_found, "it is not known which cache the mount " + line.path +
                                   " belongs to: its daemon was killed, or runs elsewhere");
}

}  // namespace

bool is_cache_directory(const std::string& path) {
  return exists(path + "/CACHEDIR.TAG", S_IFREG) && exists(path + "/lock", S_IFREG) &&
         exists(path + "/meta", S_IFDIR);
}

Result<std::string> path_of_tree(const std::string& path, const Mounts& mounts) {
  return Walk(path, mounts).to_end();
}

Result<WatchedPath> find_watched(const std::string& path, const std::string& cache,
                                 const Mounts& mounts) {
  std::vector<const MountLine*> above;
  for (const MountLine& line : mounts.lines) {
    if (part_below(path, line.path)) above.push_back(&line);
  }
  // Traps and their leftovers are mounts within the tree: the search goes up. Of
  // mounts at one place the last one is on top.
  std::ranges::reverse(above);
  std::ranges::stable_sort(above, std::greater<>(),
                           [](const MountLine* line) { return line->path.size(); });
  for (const MountLine* line : above) {
    const bool is_mount = is_our_mount(*line);
    std::string found = cache_of(*line, mounts);
    if (found.empty() && is_mount && cache.empty()) return not_registered(*line);
    if (!cache.empty() && !is_mount) {
      found = shows_the_same(line->path, cache + std::string(kData)) ? cache : std::string();
    }
    if (!cache.empty() && found != cache) continue;
    if (found.empty()) continue;
    return WatchedPath{found, *part_below(path, line->path), line->path, is_mount};
  }
  return not_watched(path);
}

Result<std::string> find_cache(const std::string& tree, const Mounts& mounts) {
  if (is_cache_directory(tree)) return tree;
  const MountLine* line = mount_at(tree, mounts);
  if (line == nullptr || !is_our_mount(*line)) {
    if (auto cache = cache_around(tree); !cache.empty()) return cache;
  }
  const auto found = find_watched(tree, "", mounts);
  if (!found && line != nullptr && is_our_mount(*line)) return fail(found.error());
  if (!found) {
    return fail(Errc::not_found, tree + " is neither a cache nor a directory where one is shown");
  }
  if (found->path.empty()) return found->cache;
  return fail(Errc::invalid,
              tree + " is a part of a " + (found->is_mount ? "mounted" : "watched") +
                  " tree: give its " +
                  (found->is_mount ? "mount point, " + found->shown : "cache, " + found->cache));
}

std::vector<WatchedPath> all_trees(const Mounts& mounts) {
  std::vector<WatchedPath> trees;
  for (const MountLine& line : mounts.lines) {
    const std::string cache = cache_of(line, mounts);
    if (cache.empty() || std::ranges::find(trees, cache, &WatchedPath::cache) != trees.end()) {
      continue;
    }
    trees.push_back({cache, "", line.path, is_our_mount(line)});
  }
  return trees;
}

}  // namespace lazymirror::cli
