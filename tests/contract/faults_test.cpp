// SPDX-License-Identifier: Apache-2.0
//
// Whatever the origin does wrong: right bytes or an allowed error, never wrong
// bytes, never stuck; the fault was really met; and once the origin is well
// again, so are the reads.
#include <cstring>
#include <set>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSize = 3'000'001;
constexpr seconds kTimeout(20);  // nothing here waits for it

struct FaultCase {
  std::string name;
  FaultRule rule;
  std::set<int> errors;           // allowed while it lasts
  bool once_is_mended = false;    // one such answer among good ones does no harm
  bool next_version_too = false;  // the answers are consistent: those of version 2
};

// The kernel turns some errors of reads of mapped or cached pages into EIO.
std::vector<FaultCase> fault_cases() {
  return {
      {"ShortBody", {.fault = Fault::short_body, .value = 1000}, {EIO}, true},
      {"EmptyBody", {.fault = Fault::short_body, .value = 0}, {EIO}, true},
      {"WrongStart",
       {.fault = Fault::wrong_content_range, .value = 4096, .ranged_only = true},
       {EIO}},
      {"WrongTotal", {.fault = Fault::wrong_total, .value = 1, .ranged_only = true}, {EIO, ESTALE}},
      {"WholeForARange", {.fault = Fault::ignore_range, .ranged_only = true}, {}, true},
      {"OtherVersion", {.fault = Fault::changed_validator}, {EIO, ESTALE}, false, true},
      {"Gzip", {.fault = Fault::gzip}, {EIO}},
      {"Reset", {.fault = Fault::reset}, {EIO, EHOSTUNREACH}, true},
      {"ResetInBody", {.fault = Fault::reset_in_body, .value = 100'000}, {EIO, EHOSTUNREACH}, true},
      {"NotFound", {.fault = Fault::status, .value = 404}, {ENOENT, EIO, ESTALE}},
      {"Gone", {.fault = Fault::status, .value = 410}, {ENOENT, EIO, ESTALE}},
      {"Forbidden", {.fault = Fault::status, .value = 403}, {EACCES, EPERM, EIO}},
      {"Unauthorized", {.fault = Fault::status, .value = 401}, {EACCES, EPERM, EIO}},
      {"TooMany",
       {.fault = Fault::status, .value = 429, .extra_header = "Retry-After: 1"},
       {EIO, EAGAIN, ETIMEDOUT, EHOSTUNREACH},
       true},
      {"Unavailable",
       {.fault = Fault::status, .value = 503},
       {EIO, EAGAIN, ETIMEDOUT, EHOSTUNREACH},
       true},
      {"ServerError", {.fault = Fault::status, .value = 500}, {EIO, EHOSTUNREACH}, true},
      {"NoLength", {.fault = Fault::no_length}, {EIO}},
      {"NoContent", {.fault = Fault::status, .value = 204}, {EIO}},
      {"RedirectToItself", {.fault = Fault::redirect, .text = "/f"}, {EIO}},
      {"RedirectToAnotherScheme", {.fault = Fault::redirect, .text = "file:///etc/passwd"}, {EIO}},
      {"NoHttp", {.fault = Fault::raw, .text = "SSH-2.0-OpenSSH_9.2\r\n"}, {EIO, EHOSTUNREACH}},
      {"Nothing", {.fault = Fault::raw, .text = ""}, {EIO, EHOSTUNREACH}, true},
      {"LyingLength",
       {.fault = Fault::raw,
        .text = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3000000/3000001\r\n"
                "Content-Length: 5\r\n\r\nwrong"},
       {EIO, ESTALE}},
      {"RangeOfSomethingElse",
       {.fault = Fault::raw,
        .text = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/5\r\n"
                "Content-Length: 5\r\n\r\nwrong"},
       {EIO, ESTALE}},
      {"RangeWithoutNumbers",
       {.fault = Fault::raw,
        .text = "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nwrong"},
       {EIO}},
  };
}

struct FaultParam {
  ContractParam contract;
  FaultCase fault;
};

void PrintTo(const FaultParam& param, std::ostream* out) { *out << param.fault.name; }

std::vector<FaultParam> fault_params() {
  std::vector<FaultParam> params;
  for (const ContractParam& contract : over_oracle()) {
    for (const FaultCase& fault : fault_cases()) params.push_back({contract, fault});
  }
  return params;
}

class Faults : public ContractBase, public ::testing::WithParamInterface<FaultParam> {
 protected:
  Faults() : ContractBase(GetParam().contract) {
    settings().retries = 1;
    settings().timeout = kTimeout;
    origin().put("/f", {.size = kSize});
  }

  void inject(unsigned times) {
    FaultRule rule = GetParam().fault.rule;
    rule.times = times;
    rule.method = "GET";
    oracle().inject("/f", rule);
  }

  // The truth or an allowed error.
  ::testing::AssertionResult is_right_or_allowed(const Outcome<std::string>& bytes,
                                                 std::uint64_t offset) {
    if (bytes) return is_right(*bytes, offset);
    if (GetParam().fault.errors.contains(bytes.error())) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "not an allowed error: " << std::strerror(bytes.error());
  }

  // Of one version from begin to end, and of one that the origin has shown.
  ::testing::AssertionResult is_right(const std::string& bytes, std::uint64_t offset) {
    if (GetParam().fault.next_version_too && bytes_are("/f", 2, offset, bytes)) {
      return ::testing::AssertionSuccess();
    }
    return bytes_are("/f", 1, offset, bytes);
  }

  ::testing::AssertionResult heals() {
    oracle().clear_faults();
    auto last = ::testing::AssertionFailure() << "never tried";
    const auto reads_well = [&] {
      const auto all = read("/f");
      last = !all                   ? ::testing::AssertionFailure() << std::strerror(all.error())
             : all->size() != kSize ? ::testing::AssertionFailure() << all->size() << " bytes"
                                    : is_right(*all, 0);
      return static_cast<bool>(last);
    };
    (void)eventually(reads_well, seconds(60));
    return last;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Faults, ::testing::ValuesIn(fault_params()), [](const auto& p) {
  return p.param.contract.front_end.name + p.param.fault.name;
});

TEST_P(Faults, ThatLastNeverShowWrongBytes) {
  ASSERT_TRUE(tree().stat("/f"));
  inject(0);
  const auto before = std::chrono::steady_clock::now();
  const auto all = read("/f");
  EXPECT_TRUE(is_right_or_allowed(all, 0));
  if (all) {
    EXPECT_EQ(all->size(), kSize) << "a truncated file";
  }
  const auto file = tree().open("/f");
  if (file) {
    EXPECT_TRUE(is_right_or_allowed(read(**file, 1'500'000, 100'000), 1'500'000));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2 * kTimeout + seconds(20))
      << "beyond the deadline";
  EXPECT_GE(oracle().faults_played(), 1u) << "the fault was never met";
  EXPECT_TRUE(heals());
}

TEST_P(Faults, ThatHappenOnceAreMendedWhereTheyCanBe) {
  ASSERT_TRUE(tree().stat("/f"));
  inject(1);
  const auto all = read("/f");
  EXPECT_TRUE(is_right_or_allowed(all, 0));
  if (GetParam().fault.once_is_mended) {
    ASSERT_TRUE(all) << std::strerror(all.error());
    EXPECT_EQ(all->size(), kSize);
  }
  EXPECT_EQ(oracle().faults_played(), 1u);
  EXPECT_TRUE(heals());
}

TEST_P(Faults, InTheMiddleOfAFileNeverShowWrongBytes) {
  const auto file = tree().open("/f");
  ASSERT_TRUE(file);
  ASSERT_TRUE(bytes_are("/f", 1, 0, *read(**file, 0, 100)));
  inject(0);
  for (std::uint64_t offset = 0; offset < kSize; offset += 700'000) {
    EXPECT_TRUE(is_right_or_allowed(read(**file, offset, 10'000), offset));
  }
  EXPECT_TRUE(heals());
}

}  // namespace
}  // namespace lazymirror::testing
