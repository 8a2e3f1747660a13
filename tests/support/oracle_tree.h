// SPDX-License-Identifier: Apache-2.0
//
// The tree that the oracle origin serves and its listings in the styles of
// three servers. Not synchronised.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "support/oracle_origin.h"

namespace lazymirror::testing {

class OracleTree {
 public:
  OracleTree();  // the root exists

  void put(const std::string& path, OracleFile file);
  void put_directory(const std::string& path);  // with or without a final '/'
  void remove(const std::string& path);         // a directory with all below it
  void touch_version(const std::string& path);

  [[nodiscard]] const OracleFile* file(const std::string& path) const;
  [[nodiscard]] bool has_directory(const std::string& path) const;  // with or without '/'
  // The page of an existing directory.
  [[nodiscard]] std::string listing(const std::string& path, OracleOrigin::Listing style) const;

 private:
  std::map<std::string, std::set<std::string>>
      directories_;  // "/a/" -> names; directories end in '/'
  std::unordered_map<std::string, OracleFile> files_;
};

}  // namespace lazymirror::testing
