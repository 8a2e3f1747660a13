// SPDX-License-Identifier: Apache-2.0
#include "fetch/bulk_window.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

constexpr std::uint64_t kPiece = BulkWindow::kPiece;

TEST(BulkWindowTest, ManySmallPiecesFit) {
  BulkWindow window;
  std::size_t count = 0;
  for (; window.has_room(); ++count) window.begin({0, 1000});
  EXPECT_EQ(count, BulkWindow::kMostPieces);
}

TEST(BulkWindowTest, FewLargeOnesDo) {
  BulkWindow window;
  std::uint64_t bytes = 0;
  for (; window.has_room(); bytes += kPiece) window.begin({0, kPiece});
  EXPECT_EQ(bytes, BulkWindow::kMostBytes);
  window.end({0, kPiece});
  EXPECT_TRUE(window.has_room());
}

TEST(BulkWindowTest, OneAlwaysFits) {
  BulkWindow window;
  window.begin({0, 10 * BulkWindow::kMostBytes});
  EXPECT_FALSE(window.has_room());
  window.end({0, 10 * BulkWindow::kMostBytes});
  EXPECT_TRUE(window.empty());
  EXPECT_TRUE(window.has_room());
}

TEST(BulkWindowTest, ASmallRestIsNoPieceOfItsOwn) {
  EXPECT_EQ(BulkWindow::first_piece({5, 3 * kPiece}), (ByteRange{5, 5 + kPiece}));
  EXPECT_EQ(BulkWindow::first_piece({0, kPiece + 1}), (ByteRange{0, kPiece + 1}));
}

}  // namespace
}  // namespace lazymirror
