// SPDX-License-Identifier: Apache-2.0
#include "contract/contract_test.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace lazymirror::testing {
namespace {

std::vector<ContractParam> over(std::initializer_list<ServerKind> servers) {
  std::vector<ContractParam> params;
  for (const FrontEnd& front_end : front_ends()) {
    for (const ServerKind server : servers) params.push_back({front_end, server});
  }
  return params;
}

}  // namespace

void PrintTo(const ContractParam& param, std::ostream* out) { *out << param.front_end.name; }

std::string param_name(const ::testing::TestParamInfo<ContractParam>& info) {
  return info.param.front_end.name +
         (info.param.server == ServerKind::nginx ? "OverNginx" : "OverOracle");
}

std::vector<ContractParam> over_all_servers() {
  return over({ServerKind::oracle, ServerKind::nginx});
}
std::vector<ContractParam> over_oracle() { return over({ServerKind::oracle}); }
std::vector<ContractParam> over_nginx() { return over({ServerKind::nginx}); }

std::vector<ContractParam> not_in_place(std::vector<ContractParam> params) {
  std::erase_if(params, [](const ContractParam& param) { return param.front_end.in_place; });
  return params;
}

ContractBase::ContractBase(ContractParam param)
    : param_(std::move(param)), origin_(serve(param_.server)) {
  settings_.url = origin_->url();
  settings_.cache = work_ / "cache";
  settings_.mountpoint = work_.make_dir("mnt");
}

ContractBase::~ContractBase() {
  // A stalled answer must not outlast the test: the daemon is to end cleanly.
  if (origin_->oracle() != nullptr) origin_->oracle()->unstall();
  tree_.reset();
}

Tree& ContractBase::tree() {
  if (!tree_) tree_ = param_.front_end.start(settings_);
  if (!tree_) throw std::runtime_error("the tree does not start");
  return *tree_;
}

Outcome<std::string> ContractBase::read(OpenFile& file, std::uint64_t offset, std::size_t size) {
  std::string out(size, '\0');
  const auto n = file.pread(std::as_writable_bytes(std::span(out)), offset);
  if (!n) return tl::unexpected<int>(n.error());
  out.resize(*n);
  return out;
}

Outcome<std::string> ContractBase::read(const std::string& path, std::size_t piece) {
  const auto file = tree().open(path);
  if (!file) return tl::unexpected<int>(file.error());
  std::string all;
  for (;;) {
    const auto part = read(**file, all.size(), piece);
    if (!part) return tl::unexpected<int>(part.error());
    if (part->empty()) return all;
    all += *part;
  }
}

::testing::AssertionResult ContractBase::reads_as(const std::string& path, std::uint64_t version,
                                                  std::uint64_t size) {
  const auto bytes = read(path);
  if (!bytes) {
    return ::testing::AssertionFailure() << path << ": " << std::strerror(bytes.error());
  }
  if (bytes->size() != size) {
    return ::testing::AssertionFailure()
           << path << " has " << bytes->size() << " bytes instead of " << size;
  }
  return bytes_are(path, version, 0, *bytes);
}

}  // namespace lazymirror::testing
