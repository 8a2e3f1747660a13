// SPDX-License-Identifier: Apache-2.0
//
// A directory of its own for a test, removed with all below it; mounts below
// it are detached first and never walked into. Not synchronised.
#pragma once

#include <string>

namespace lazymirror::testing {

class TempDir {
 public:
  TempDir();  // below TMPDIR or /tmp
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + '/' + name; }
  // Makes PATH/name, parents as well, and returns its path.
  std::string make_dir(const std::string& name) const;
  std::string write(const std::string& name, const std::string& contents,
                    unsigned mode = 0644) const;

 private:
  std::string path_;
};

[[nodiscard]] std::string slurp(const std::string& path);  // empty when there is no such file

}  // namespace lazymirror::testing
