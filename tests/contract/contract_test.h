// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the contract stand on: an origin that the test fills, and
// the tree that mirrors it, started when first asked for.
//
// ContractTest runs for each front end over each server, MountedContractTest
// only for front ends that show a directory, OracleContractTest only over the
// oracle (faults).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <optional>

#include "contract/served.h"
#include "contract/tree.h"
#include "support/temp_dir.h"
#include "support/truth.h"
#include "support/waiting.h"

namespace lazymirror::testing {

struct ContractParam {
  FrontEnd front_end;
  ServerKind server = ServerKind::oracle;
};

// For messages.
void PrintTo(const ContractParam& param, std::ostream* out);

// "PassthroughOverNginx"
[[nodiscard]] std::string param_name(const ::testing::TestParamInfo<ContractParam>& info);
[[nodiscard]] std::vector<ContractParam> over_all_servers();
[[nodiscard]] std::vector<ContractParam> over_oracle();
[[nodiscard]] std::vector<ContractParam> over_nginx();
// Those of them that give what in-place trees cannot.
[[nodiscard]] std::vector<ContractParam> not_in_place(std::vector<ContractParam> params);

class ContractBase : public ::testing::Test {
 protected:
  explicit ContractBase(ContractParam param);
  ~ContractBase() override;

  [[nodiscard]] const FrontEnd& front_end() const { return param_.front_end; }
  Served& origin() { return *origin_; }
  OracleOrigin& oracle() { return *origin_->oracle(); }
  TreeSettings& settings() { return settings_; }  // before the first tree()
  Tree& tree();
  [[nodiscard]] std::string local(const std::string& path) { return tree().directory() + path; }

  // What a user does to see what has changed at the origin.
  void look_for_changes(const std::string& directory) { tree().look_for_changes(directory); }
  // fanotify cannot deliver ETIMEDOUT; EIO it can.
  [[nodiscard]] bool is_timeout(int error) const {
    return error == ETIMEDOUT || (param_.front_end.in_place && error == EIO);
  }

  // The whole file at `path`, or an errno.
  Outcome<std::string> read(const std::string& path, std::size_t piece = 128u << 10);
  Outcome<std::string> read(OpenFile& file, std::uint64_t offset, std::size_t size);
  // `path` reads as the truth of the same path.
  ::testing::AssertionResult reads_as(const std::string& path, std::uint64_t version,
                                      std::uint64_t size);

  TempDir work_;

 private:
  ContractParam param_;
  std::unique_ptr<Served> origin_;
  TreeSettings settings_;
  std::unique_ptr<Tree> tree_;
};

class ContractTest : public ContractBase, public ::testing::WithParamInterface<ContractParam> {
 protected:
  ContractTest() : ContractBase(GetParam()) {}
};
class OracleContractTest : public ContractTest {};
class MountedContractTest : public ContractTest {};
class MountedOracleContractTest : public ContractTest {};
class MountedNginxContractTest : public ContractTest {};

}  // namespace lazymirror::testing
