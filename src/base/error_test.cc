// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <gtest/gtest.h>

namespace writ {
namespace {

Expected<int> half(int value) {
  if (value % 2 != 0) return fail(Errc::invalid_input, "odd", "number", "give an even one");
  return value / 2;
}

Expected<int> quarter(int value) {
  WRIT_TRY(const int once, half(value));
  WRIT_TRY(const int twice, half(once));
  return twice;
}

TEST(Error, TryPassesTheValueOrTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().to_string(), "number: odd (give an even one)");
}

}  // namespace
}  // namespace writ
