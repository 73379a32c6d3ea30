// SPDX-License-Identifier: Apache-2.0
#include "approval/matching.h"

#include <gtest/gtest.h>

namespace writ::approval {
namespace {

TEST(Matching, P4_EachGroupHasAPersonOfItsOwn) {
  EXPECT_FALSE(each_has_its_own({}, {}));
  EXPECT_FALSE(each_has_its_own({}, {{"a"}}));
  EXPECT_FALSE(each_has_its_own({"a"}, {}));
  EXPECT_TRUE(each_has_its_own({"a"}, {{"b"}, {"a"}}));
  EXPECT_FALSE(each_has_its_own({"a", "b"}, {{"a", "b"}}));
  EXPECT_FALSE(each_has_its_own({"a", "b"}, {{"a"}, {"a"}}));
  EXPECT_TRUE(each_has_its_own({"a", "b"}, {{"a", "b"}, {"a"}}));
  EXPECT_TRUE(each_has_its_own({"a", "b"}, {{"a"}, {"a", "b"}}));
  // The greedy choice fails: the first person must give way along a chain.
  EXPECT_TRUE(each_has_its_own({"a", "b", "c"}, {{"a", "b"}, {"b", "c"}, {"a"}}));
  EXPECT_FALSE(each_has_its_own({"a", "b", "c"}, {{"a", "b"}, {"a", "b"}, {"a", "b"}}));
}

}  // namespace
}  // namespace writ::approval
