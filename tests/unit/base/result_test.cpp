// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "base/errno_map.h"

namespace lazymirror {
namespace {

// Every kind, in the order of the enumeration. The last one is checked below,
// so that a new kind cannot be forgotten here.
constexpr Errc kAll[] = {Errc::not_found,
                         Errc::not_a_directory,
                         Errc::is_a_directory,
                         Errc::denied,
                         Errc::read_only,
                         Errc::changed,
                         Errc::timeout,
                         Errc::unreachable,
                         Errc::bad_reply,
                         Errc::no_ranges,
                         Errc::no_space,
                         Errc::corrupt,
                         Errc::cancelled,
                         Errc::busy,
                         Errc::unsupported,
                         Errc::invalid,
                         Errc::io,
                         Errc::internal};

TEST(ErrcTest, ListOfThisTestIsComplete) {
  for (std::size_t i = 0; i < std::size(kAll); ++i) EXPECT_EQ(static_cast<std::size_t>(kAll[i]), i);
  EXPECT_EQ(kAll[std::size(kAll) - 1], Errc::internal) << "internal must stay the last kind";
}

TEST(ErrcTest, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const Errc code : kAll) names.insert(errc_name(code));
  EXPECT_EQ(names.size(), std::size(kAll));
}

TEST(ErrnoMapTest, EveryKindHasAnErrnoThatIsNeitherZeroNorOfADeadMount) {
  for (const Errc code : kAll) {
    EXPECT_GT(to_errno(code), 0) << errc_name(code);
    EXPECT_NE(to_errno(code), ENOTCONN) << errc_name(code);
  }
}

TEST(ErrnoMapTest, UsersSeeTheErrnoTheyKnow) {
  EXPECT_EQ(to_errno(Errc::not_found), ENOENT);
  EXPECT_EQ(to_errno(Errc::not_a_directory), ENOTDIR);
  EXPECT_EQ(to_errno(Errc::is_a_directory), EISDIR);
  EXPECT_EQ(to_errno(Errc::denied), EACCES);
  EXPECT_EQ(to_errno(Errc::read_only), EROFS);
  EXPECT_EQ(to_errno(Errc::changed), ESTALE);
  EXPECT_EQ(to_errno(Errc::timeout), ETIMEDOUT);
  EXPECT_EQ(to_errno(Errc::unreachable), EIO);
  EXPECT_EQ(to_errno(Errc::no_space), ENOSPC);
  EXPECT_EQ(to_errno(Errc::corrupt), EIO);
  EXPECT_EQ(to_errno(Errc::cancelled), EINTR);
}

TEST(ResultTest, SystemErrorSaysWhatFailedAndWhy) {
  const Result<> result = fail_errno(ENOSPC, "cannot write /x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::no_space);
  EXPECT_EQ(result.error().os_errno, ENOSPC);
  EXPECT_EQ(result.error().message, "cannot write /x: No space left on device");
}

TEST(ResultTest, SystemErrorsKeepTheirErrnoThroughTheKinds) {
  for (const int err : {ENOENT, ENOTDIR, EISDIR, EACCES, EROFS, ESTALE, ETIMEDOUT, ENOSPC, EINTR,
                        EBUSY, EOPNOTSUPP, EINVAL, EIO}) {
    EXPECT_EQ(to_errno(os_error(err, "x").code), err);
  }
}

TEST(ResultTest, ContextStandsInFront) {
  const Error error = with_context({Errc::denied, "no", EACCES}, "opening the door");
  EXPECT_EQ(error.message, "opening the door: no");
  EXPECT_EQ(error.code, Errc::denied);
  EXPECT_EQ(error.os_errno, EACCES);
}

}  // namespace
}  // namespace lazymirror
