// SPDX-License-Identifier: Apache-2.0
#include "cache/left_overs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <vector>

#include "base/crew.h"
#include "cache/data_tree.h"

namespace lazymirror {
namespace {

// Holds paths and not descriptors, of which a deep tree would need too many.
class Removal {
 public:
  explicit Removal(int data) : data_(data) {}
  Result<> run();

 private:
  struct Step {
    TreePath path;
    bool emptied = false;  // what is in it was done
  };
  [[nodiscard]] Result<UniqueFd> open(TreePath::const_iterator end, const TreePath& path) const;
  void empty(const TreePath& path);
  void look_at(const UniqueFd& directory, const TreePath& path, const std::string& name);
  void remove_file(const UniqueFd& directory, const std::string& name);
  void remove_directory(const TreePath& path);
  void note(const Result<>& result) {
    if (first_ && !result) first_ = result;
  }

  const int data_;
  dev_t device_ = 0;
  std::vector<Step> steps_;
  bool changed_ = false;
  Result<> first_;
};

Result<> Removal::run() {
  struct stat st {};
  if (::fstat(data_, &st) != 0) return fail_errno(errno, "cannot look at the cache");
  device_ = st.st_dev;
  empty({});
  while (!steps_.empty()) {
    note_progress();
    const TreePath path = steps_.back().path;
    if (std::exchange(steps_.back().emptied, true)) {
      steps_.pop_back();
      remove_directory(path);
    } else {
      empty(path);
    }
  }
  if (changed_ && ::syncfs(data_) != 0) note(fail_errno(errno, "cannot sync the cache"));
  return first_;
}

Result<UniqueFd> Removal::open(TreePath::const_iterator end, const TreePath& path) const {
  auto at = open_beneath(data_, ".", O_RDONLY | O_DIRECTORY);
  for (auto name = path.begin(); at && name != end; ++name) {
    at = open_beneath(at->get(), name->c_str(), O_RDONLY | O_DIRECTORY);
  }
  return at;
}

void Removal::empty(const TreePath& path) {
  const auto directory = open(path.end(), path);
  if (!directory) return note(fail(directory.error()));
  (void)::fremovexattr(directory->get(), kStampName);
  const auto names = names_in(directory->get());
  if (!names) return note(fail(names.error()));
  for (const std::string& name : *names) look_at(*directory, path, name);
}

void Removal::look_at(const UniqueFd& directory, const TreePath& path, const std::string& name) {
  note_progress();
  struct stat st {};
  if (::fstatat(directory.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return note(fail_errno(errno, "cannot look at " + name + " in the cache"));
  }
  if (st.st_dev != device_) return;
  if (S_ISREG(st.st_mode)) return remove_file(directory, name);
  if (!S_ISDIR(st.st_mode)) return;
  TreePath below = path;
  below.push_back(name);
  steps_.push_back({std::move(below)});
}

void Removal::remove_file(const UniqueFd& directory, const std::string& name) {
  if (!stamp_at(directory.get(), name)) return;
  changed_ = true;
  if (::unlinkat(directory.get(), name.c_str(), 0) == 0) return;
  note(fail_errno(errno, "cannot remove " + name + " from the cache"));
}

void Removal::remove_directory(const TreePath& path) {
  const auto parent = open(std::prev(path.end()), path);
  if (!parent) return note(fail(parent.error()));
  if (::unlinkat(parent->get(), path.back().c_str(), AT_REMOVEDIR) == 0) return;
  if (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY) return;  // EBUSY: a mount
  note(fail_errno(errno, "cannot remove " + path.back() + " from the cache"));
}

}  // namespace

Result<> remove_stamped(int data) { return Removal(data).run(); }

}  // namespace lazymirror
